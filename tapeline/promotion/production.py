"""`models/promoted/NAME/`, the bundles in production, and how they are put there whole."""

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.outputs import write_json
from tapeline.promotion.bundle import verify_bundle
from tapeline.promotion.registry import Registry, delete_tags, git

JOURNAL = "tapeline.unfinished"  # tags of the promotion that is under way
CANDIDATES, PROMOTED, INDEX = Path("models/candidate"), Path("models/promoted"), Path("models/registry.json")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the repository's lock; ArtifactError if another promotion or rollback holds it."""
    with (_git_folder(folder) / "tapeline.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArtifactError("another promotion or rollback is running; wait for its end") from None
        yield


def install_bundle(folder: Path, artifact: str, source: Path, bundle_id: str, undo: ExitStack) -> None:
    """Copy the bundle at `source` into production, after verifying the copy; `undo` restores the old."""
    target = folder / PROMOTED / artifact
    aside, before = (target.with_name(f".{artifact}.{kind}") for kind in ("partial", "before"))
    target.parent.mkdir(parents=True, exist_ok=True)
    for leftover in (aside, before):
        shutil.rmtree(leftover, ignore_errors=True)
    undo.callback(shutil.rmtree, aside, ignore_errors=True)
    shutil.copytree(source, aside)
    copied_id = verify_bundle(aside).bundle_id
    if copied_id != bundle_id:
        raise ArtifactError(f"{source}: is bundle {copied_id}, not {bundle_id}")
    if target.exists():
        undo.callback(_bring_back, before, target)
        os.replace(target, before)
    else:
        undo.callback(shutil.rmtree, target, ignore_errors=True)
    os.replace(aside, target)


def clear(folder: Path, artifact: str) -> None:
    """Remove the former bundle that `install_bundle` has kept."""
    shutil.rmtree(folder / PROMOTED / f".{artifact}.before", ignore_errors=True)


def in_production(folder: Path, artifact: str) -> str | None:
    """Id of the whole bundle that lies in production; None where there is none or it is damaged."""
    try:
        return verify_bundle(folder / PROMOTED / artifact).bundle_id
    except ArtifactError:
        return None


def write_index(folder: Path, artifacts: Collection[str]) -> Registry:
    """Write `models/registry.json` from the tags of `artifacts`."""
    registry = Registry(folder, artifacts)
    write_json(folder / INDEX, registry.index())
    return registry


@contextmanager
def journal(folder: Path, tags: list[str]) -> Iterator[None]:
    """Keep a file of the `tags` about to be made until they are: after a kill it names them."""
    path = _git_folder(folder) / JOURNAL
    path.write_text("\n".join(tags), encoding="utf-8")
    yield
    path.unlink()


def delete_unfinished_tags(folder: Path, artifacts: Collection[str]) -> list[str]:
    """Delete tags of a promotion here that was cut off before they went into production; return them."""
    path = _git_folder(folder) / JOURNAL
    if not path.exists():
        return []
    begun = path.read_text(encoding="utf-8").split()
    tags = [tag for tag in Registry(folder, artifacts).unfinished() if tag in begun]
    delete_tags(folder, tags)
    path.unlink()
    return tags


def _git_folder(folder: Path) -> Path:
    return folder / git(folder, "rev-parse", "--git-common-dir").strip()


def _bring_back(before: Path, target: Path) -> None:
    if before.exists():
        shutil.rmtree(target, ignore_errors=True)
        os.replace(before, target)
