"""Put an earlier version back into production: files from DVC, byte for byte; history is only added to."""

from contextlib import ExitStack
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.production import clear, install_bundle, one_at_a_time, write_index
from tapeline.promotion.registry import Registry, Release, assign, delete_tags
from tapeline.promotion.versions import Version
from tapeline.release.fetch import fetched

ROOT = Path()


def rollback(artifact: str, to: str, why: str) -> Release:
    """Put version `to`, or the one in production before this one, into production; return it."""
    with one_at_a_time(ROOT):
        registry = Registry(ROOT, ARTIFACTS)
        release = choose(registry, artifact, to)
        n_before = len(registry.history[artifact])
        with fetched(ROOT, artifact, release) as source, ExitStack() as undo:
            install_bundle(ROOT, artifact, source, release.record.bundle_id, undo)
            undo.callback(delete_later_assignments, artifact, n_before)
            assign(ROOT, artifact, release.version, why or "rolled back")
            write_index(ROOT, ARTIFACTS)
            undo.pop_all()
        clear(ROOT, artifact)
    return release


def choose(registry: Registry, artifact: str, to: str) -> Release:
    """Find the version to go to; ArtifactError if there is none, or if it is in production already."""
    current = registry.production(artifact)
    if current is None:
        raise ArtifactError(f"{artifact}: nothing is in production")
    if not to:
        earlier = [a.version for a in registry.history[artifact] if a.version != current.version]
        if not earlier:
            raise ArtifactError(f"{artifact}: {current.version} is the only version that was in production")
        return registry.release(artifact, earlier[-1])
    version = Version.parse(to)
    if version == current.version:
        raise ArtifactError(f"{artifact}: {version} is in production already; `make restore` mends its files")
    return registry.release(artifact, version)


def delete_later_assignments(artifact: str, n_kept: int) -> None:
    """Delete the assignments of `artifact` after the first `n_kept`."""
    delete_tags(
        ROOT, [assignment.tag for assignment in Registry(ROOT, ARTIFACTS).history.get(artifact, [])[n_kept:]]
    )
