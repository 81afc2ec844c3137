"""Check the tag of a release by the run at its commit; CI does so for every tag that is pushed."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.gates import FAILED, RELEASE, Verdict
from tapeline.promotion.registry import Registry, Release
from tapeline.promotion.repository import git
from tapeline.release.recorded import read_run

ROOT = Path()


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


def pipeline_verdicts(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Gates that the pipeline judged, without those of the release."""
    return [verdict for verdict in verdicts if not verdict.gate.startswith(f"{RELEASE}.")]
