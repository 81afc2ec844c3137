"""Outputs that appear whole or not at all: written aside, then renamed; and JSON read back."""

import json
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a path to write to; it becomes `path` if the block ends well and vanishes if not."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.partial")
    try:
        yield aside
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """Yield an empty folder to fill; it replaces `path` if the block ends well and vanishes if not.

    Killed at whatever moment, `path` is what it was, the new folder or absent, and never a part of either.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside, former = (path.with_name(f".{path.name}{kind}.partial") for kind in ("", ".former"))
    _put_back(former, path)
    _remove(aside)
    aside.mkdir()
    try:
        yield aside
        if path.exists():
            os.replace(path, former)
        os.replace(aside, path)
    finally:
        _put_back(former, path)
        _remove(aside)


def _put_back(former: Path, path: Path) -> None:
    """Move what was moved out of the way back, unless the new one took its place; then remove it."""
    if former.exists() and not path.exists():
        os.replace(former, path)
    _remove(former)


def _remove(path: Path) -> None:
    """Remove a folder, or whatever lies in its place, as far as it goes."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def read_json(path: Path | str) -> Any:
    """Parse the JSON file at `path`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as JSON, keys in the order given, floats to 10 digits, NaN and infinities as null."""
    with whole_file(path) as aside:
        aside.write_text(json.dumps(_plain(value), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_table(path: Path | str, table: pd.DataFrame, metadata: dict[str, str] | None = None) -> None:
    """Write `table` as Parquet (zstd), `metadata` in the file's schema; same table, same bytes."""
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata(dict(sorted((metadata or {}).items())))
    with whole_file(path) as aside:
        pq.write_table(arrow, aside, compression="zstd")


def write_csv(path: Path | str, table: pd.DataFrame) -> None:
    """Write `table` as CSV, floats to 6 significant digits, for `dvc plots`."""
    with whole_file(path) as aside:
        table.to_csv(aside, index=False, float_format="%.6g")


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):  # a NumPy scalar
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.10g}") if math.isfinite(value) else None
    return value
