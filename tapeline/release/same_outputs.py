"""Outputs of a stage against those of the same stage run again: the first value that differs."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

ROUNDING = 1e-6  # relative to 1 or to the number: what another processor may make of the same arithmetic
HASHES = frozenset({"bundle_id", "version", "sha256"})  # keys of JSON whose values are hashes of other values
NOTHING = "nothing"


@dataclass
class Comparison:
    """What was compared so far.

    files : how many; rounded : how many of them are equal but for ROUNDING
    hashes : differences of hashes alone, which rounding explains, and nothing else does
    """

    files: int = 0
    rounded: int = 0
    hashes: list[str] = field(default_factory=list)


def first_difference(path: Path, recorded: Path, again: Path, so_far: Comparison) -> str | None:
    """Describe the first difference of the file or folder `path` between two roots; None where there is none.

    A line like `metrics/lstm.json: accuracy_all is 0.99, and made again 0.73`. Equal but for rounding counts
    as equal in `so_far`, and hashes of what is rounded are put off into it.
    """
    for name in sorted({*_files(recorded / path), *_files(again / path)}):
        file = path / name if name else path
        ours, theirs = recorded / file, again / file
        if not theirs.is_file():
            return f"{file}: is recorded, and not made again"
        if not ours.is_file():
            return f"{file}: is missing, and made again"
        so_far.files += 1
        if ours.read_bytes() == theirs.read_bytes():
            continue
        for what, is_hash in _differences(ours, theirs):
            if not is_hash:
                return f"{file}: {what}"
            so_far.hashes.append(f"{file}: {what}")
            break
        else:
            so_far.rounded += 1
    return None


def _files(path: Path) -> list[str]:
    """Files in a folder relative to it; the empty name for a file; none where there is neither."""
    if not path.is_dir():
        return [""] if path.is_file() else []
    return [file.relative_to(path).as_posix() for file in path.rglob("*") if file.is_file()]


def _differences(ours: Path, theirs: Path) -> Iterator[tuple[str, bool]]:
    """Differences beyond rounding of two files, those of hashes last, each with whether it is of a hash."""
    if ours.suffix == ".json":
        found = list(_of_values("", json.loads(ours.read_bytes()), json.loads(theirs.read_bytes())))
        yield from sorted(found, key=lambda each: each[1])
    elif ours.suffix in (".csv", ".parquet"):
        yield from ((each, False) for each in _of_tables(ours, theirs))
    else:
        yield "content differs from what is made again", ours.name == "manifest.json"


def _of_values(key: str, ours: Any, theirs: Any) -> Iterator[tuple[str, bool]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in {**ours, **theirs}:
            inner = f"{key}.{name}" if key else name
            yield from _of_values(inner, ours.get(name, NOTHING), theirs.get(name, NOTHING))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for k, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _of_values(f"{key}[{k}]", *pair)
    elif not _is_equal(ours, theirs):
        is_hash = not HASHES.isdisjoint(key.split(".")) and isinstance(theirs, str)
        yield f"{key} is {_short(ours)}, and made again {_short(theirs)}", is_hash


def _is_equal(ours: Any, theirs: Any) -> bool:
    if _is_number(ours) and _is_number(theirs):
        return math.isclose(ours, theirs, rel_tol=ROUNDING, abs_tol=ROUNDING)
    return bool(ours == theirs)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _short(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _of_tables(ours: Path, theirs: Path) -> Iterator[str]:
    """The first difference of each column of two tables."""
    read = pd.read_csv if ours.suffix == ".csv" else pd.read_parquet
    left, right = read(ours), read(theirs)
    if list(left.columns) != list(right.columns):
        yield f"columns are {_short([*left.columns])}, and made again {_short([*right.columns])}"
        return
    if len(left) != len(right):
        yield f"has {len(left)} rows, and made again {len(right)}"
        return
    keys = [name for name in ("symbol", "timestamp") if name in left.columns]
    for name in left.columns:
        a, b = left[name], right[name]
        is_same = (a == b) | (a.isna() & b.isna())
        if pd.api.types.is_float_dtype(a) and pd.api.types.is_float_dtype(b):
            is_same |= (a - b).abs() <= ROUNDING * b.abs().clip(lower=1.0)
        elif a.dtype != b.dtype:
            is_same = a.astype(str) == b.astype(str)
        if not is_same.all():
            row = int((~is_same).to_numpy().argmax())
            where = " ".join(str(left[key].iloc[row]) for key in keys)
            at = f"row {row}, {where}," if where else f"row {row}"
            n_more = int((~is_same).sum()) - 1
            more = f" (and {n_more} more rows)" if n_more else ""
            yield f"{name} of {at} is {a.iloc[row]}, and made again {b.iloc[row]}{more}"
