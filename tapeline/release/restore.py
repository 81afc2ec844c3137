"""Bring `models/promoted/` in line with the git tags: in a fresh clone, or after files were damaged."""

from contextlib import ExitStack
from pathlib import Path

from tapeline.models.table import ARTIFACTS
from tapeline.promotion.production import clear, in_production, install_bundle, one_at_a_time, write_index
from tapeline.release.fetch import fetched

ROOT = Path()


def restore() -> dict[str, str]:
    """Put every bundle that the tags say is in production there; return by artifact what was done."""
    done = {}
    with one_at_a_time(ROOT):
        registry = write_index(ROOT, ARTIFACTS)
        for artifact in registry.history:
            if (release := registry.production(artifact)) is None:
                continue
            done[artifact] = f"{release.version}, as it was"
            if in_production(ROOT, artifact) != release.record.bundle_id:
                with fetched(ROOT, artifact, release) as source, ExitStack() as undo:
                    install_bundle(ROOT, artifact, source, release.record.bundle_id, undo)
                    undo.pop_all()
                clear(ROOT, artifact)
                done[artifact] = f"{release.version}, brought back"
    return done
