"""Bring `models/promoted/` and `models/shadow/` in line with the git tags; say which versions are lost."""

from collections.abc import Callable
from pathlib import Path

from tapeline.checks.dvc_lock import mend_rwlock
from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import Delivery, carry_out, one_at_a_time
from tapeline.promotion.production import FOLDERS, bundle_in, write_index
from tapeline.promotion.registry import PROD, Registry
from tapeline.release.fetch import fetched

ROOT = Path()


def restore(tell: Callable[[str], None]) -> dict[str, str]:
    """Put bundles where the tags say they are, and clear all other places; return what was done.

    Every other version is looked for, too. ArtifactError, after all that can be done is done, names what
    can't be had of what the tags put somewhere.
    """
    done, lost = {}, []
    with one_at_a_time(ROOT, ARTIFACTS, tell):
        mend_rwlock(ROOT, tell)
        registry = write_index(ROOT, ARTIFACTS)
        for note in registry.notes():
            tell(note)
        for environment in FOLDERS:
            for artifact in ARTIFACTS:
                try:
                    if outcome := _restore(registry, artifact, environment):
                        done[artifact if environment == PROD else f"{artifact}, {environment}"] = outcome
                except ArtifactError as error:
                    lost.append(str(error))
        for line in _missing_versions(registry):
            tell(line)
    for name, outcome in done.items():
        tell(f"{name}: {outcome}")
    if lost:
        raise ArtifactError("; ".join(lost))
    return done


def _restore(registry: Registry, artifact: str, environment: str) -> str:
    place, release = FOLDERS[environment] / artifact, registry.in_environment(artifact, environment)
    if release is None:
        if not (ROOT / place).exists():
            return ""
        if not registry.releases.get(artifact):
            return f"{place} is of no version that this clone has tags of; left there, `git fetch --tags`"
        carry_out(ROOT, ARTIFACTS, [], [Delivery(place)])
        return "no tag puts it there, taken away"
    if bundle_in(ROOT / place) == release.record.bundle_id:
        return f"{release.version}, as it was"
    with fetched(ROOT, artifact, release) as source:
        carry_out(ROOT, ARTIFACTS, [], [Delivery(place, source, release.record.bundle_id)])
    return f"{release.version}, brought back"


def _missing_versions(registry: Registry) -> list[str]:
    """Lines on versions of no environment whose bundle is neither in DVC's cache nor in its remote."""
    lines = []
    for artifact, releases in registry.releases.items():
        serving = [registry.in_environment(artifact, environment) for environment in FOLDERS]
        for release in releases:
            if release in serving:
                continue
            try:
                with fetched(ROOT, artifact, release):
                    pass
            except ArtifactError as error:
                lines.append(f"lost: {error}")
    return lines
