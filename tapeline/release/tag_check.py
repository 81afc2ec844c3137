"""Check the tag of a release by the run at its commit; CI does so for every tag that is pushed.

Where that run is at hand, its commit checked out and its outputs whole, it is made again and replayed, too.
"""

import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.params import Params
from tapeline.promotion.gates import FAILED, RELEASE, Verdict
from tapeline.promotion.registry import Registry, Release
from tapeline.promotion.repository import git
from tapeline.release.promoting import require_clean
from tapeline.release.recheck import check_anew, content_hash
from tapeline.release.recorded import read_run

ROOT = Path()
MACHINES = {"rounded", "largest_difference"}  # of a record: hang on the machine


def check_release(tag: str) -> Release:
    """Return the release of `tag`; ArtifactError names the first difference to its commit."""
    registry = Registry(ROOT, ARTIFACTS)
    if tag in registry.ignored:
        raise ArtifactError(f"tag {tag}: {registry.ignored[tag]}")
    registered = [release for releases in registry.releases.values() for release in releases]
    named = [release for release in registered if release.tag == tag]
    if not named:
        raise ArtifactError(
            f"tag {tag!r}: is no release; there are: {', '.join(r.tag for r in registered) or 'none'}"
        )
    release, record = named[0], named[0].record
    run = read_run(lambda path: git(ROOT, "show", f"{release.commit}:{path}"))
    artifact = tag.split("@")[0]
    packed = run.bundles.get(artifact)
    if packed is None:
        raise ArtifactError(f"{tag}: the run at its commit packed no {artifact}")
    if record.bundle_id != packed.bundle_id:
        raise ArtifactError(f"{tag}: bundle_id is {record.bundle_id}, and the run packed {packed.bundle_id}")
    lock = git(ROOT, "show", f"{release.commit}:dvc.lock").encode()
    if record.lock_sha256 != hashlib.sha256(lock).hexdigest():
        raise ArtifactError(f"{tag}: dvc.lock is another than that of the release")
    failed = [verdict.gate for verdict in record.gates if verdict.status == FAILED]
    if failed:
        raise ArtifactError(f"{tag}: did not pass {', '.join(failed)}")
    if run.gates_of(artifact) != pipeline_verdicts(record.gates):
        raise ArtifactError(f"{tag}: its gates are not those of the run")
    return release


def is_at_hand(release: Release) -> bool:
    """Whether the workspace is the release's commit, unchanged, with all outputs of its run."""
    trees = {git(ROOT, "rev-parse", f"{commit}^{{tree}}") for commit in ("HEAD", release.commit)}
    try:
        require_clean()
    except ArtifactError:
        return False
    return len(trees) == 1


def check_again(release: Release, tell: Callable[[str], None]) -> None:
    """Make the run at hand again and replay it; ArtifactError where its record or a file says otherwise."""
    found = check_anew(ROOT, Params.read(), content_hash(ROOT), tell)
    for name in ("recheck", "replay"):
        recorded, again = (
            {} if each is None else each.model_dump(exclude=MACHINES, exclude_unset=True)
            for each in (getattr(release.record, name), getattr(found, name))
        )
        for key, value in recorded.items():
            if value != again[key]:
                raise ArtifactError(f"{release.tag}: {name}.{key} is {value}, and done again {again[key]}")


def pipeline_verdicts(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Gates that the pipeline judged, without those of the release."""
    return [verdict for verdict in verdicts if not verdict.gate.startswith(f"{RELEASE}.")]
