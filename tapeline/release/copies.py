"""Copies of the project as it is committed, with what DVC keeps beside it: whole, and gone after use."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapeline.promotion.production import COPIES
from tapeline.promotion.repository import git
from tapeline.release.locked import LOCK, TRACKED, read_stages, stage_records, tracked_records


@contextmanager
def copy_of_project(root: Path) -> Iterator[Path]:
    """Yield a copy: the committed files, and by hard link, or as copies, what DVC keeps; it vanishes."""
    (root / COPIES).mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root / COPIES, ignore_cleanup_errors=True) as folder:
        copy = Path(folder).resolve()
        git(root, "checkout-index", "--all", f"--prefix={copy}/")
        for name in kept_by_dvc(root):
            if not (copy / name).exists():
                (copy / name).parent.mkdir(parents=True, exist_ok=True)
                _link_or_copy(root / name, copy / name)
        yield copy


def kept_by_dvc(root: Path) -> list[str]:
    """Files of all stages' outputs and of .dvc files: raw candles, starts; relative to the project."""
    stages = read_stages(root / LOCK)
    records = [record for name, entry in stages.items() for record in stage_records(name, entry)]
    paths = [record.path for record in records if record.kind == "out"]
    for folder in TRACKED:
        paths += [os.path.relpath(record.path, root) for record in tracked_records(root / folder)]
    files: dict[str, None] = {}
    for path in paths:
        inside = (root / path).rglob("*") if (root / path).is_dir() else [root / path]
        files |= {file.relative_to(root).as_posix(): None for file in sorted(inside) if file.is_file()}
    return list(files)


def _link_or_copy(source: Path, target: Path) -> None:
    # Nothing writes into a file that is there: outputs are written aside and renamed.
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copy2(source, target)
