"""The splits file: folds as UTC times, which every later stage obeys."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import SplitError

PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class Fold:
    """Bars of one fold: half-open ranges of positions on the clock."""

    train: range
    validation: range
    test: range


@dataclass(frozen=True)
class TimeFold:
    """One fold; each part is the half-open span of open times [start, end)."""

    train: tuple[pd.Timestamp, pd.Timestamp]
    validation: tuple[pd.Timestamp, pd.Timestamp]
    test: tuple[pd.Timestamp, pd.Timestamp]

    def mask(self, timestamp: pd.Series, part: str) -> NDArray[np.bool_]:
        """Whether each time lies in `part` ("train", "validation" or "test"); shape (n,)."""
        start, end = getattr(self, part)
        is_within: NDArray[np.bool_] = ((timestamp >= start) & (timestamp < end)).to_numpy()
        return is_within


def refit_fold(fold: TimeFold, end: pd.Timestamp) -> TimeFold:
    """Fold that trains on all there is before `end`, validation and its gap as long as those of `fold`.

    What was test there is training here; nothing is left to test on.
    """
    start = end - (fold.validation[1] - fold.validation[0])
    gap = fold.validation[0] - fold.train[1]
    return TimeFold((fold.train[0], start - gap), (start, end), (end, end))


def trained_folds(
    folds: list[TimeFold], is_refit: bool, timestamp: pd.Series, minutes: int
) -> list[TimeFold]:
    """`folds`, and where a model is refitted the one that it is trained on, up to the end of all candles.

    timestamp : open times of all candles, of `minutes` each
    """
    if not is_refit:
        return folds
    return [*folds, refit_fold(folds[-1], timestamp.max() + pd.Timedelta(minutes=minutes))]


def on_calendar(fold: Fold, first: pd.Timestamp, step: pd.Timedelta) -> TimeFold:
    """Put a fold of bar positions on the calendar: bar 0 opens at `first`, one every `step`."""
    spans = [getattr(fold, part) for part in PARTS]
    return TimeFold(*((first + span.start * step, first + span.stop * step) for span in spans))


def scaler_rows(fold: TimeFold, timestamp: pd.Series) -> NDArray[np.int64]:
    """Positions of the rows that a scaler may be fitted on: the training part's, and no others."""
    return np.flatnonzero(fold.mask(timestamp, "train"))


def require_rows(folds: list[TimeFold], timestamp: pd.Series) -> None:
    """Raise SplitError naming the first part of a fold in which no symbol has a row."""
    for k, fold in enumerate(folds):
        for part in PARTS:
            if not fold.mask(timestamp, part).any():
                start, end = getattr(fold, part)
                raise SplitError(f"fold {k}: no row of any symbol in {part} [{start} .. {end})")


def fold_record(fold: TimeFold, timestamp: pd.Series) -> dict[str, Any]:
    """Describe a fold for the splits file, with the number of rows of `timestamp` in each part."""
    record = {}
    for part in PARTS:
        start, end = getattr(fold, part)
        rows = int(fold.mask(timestamp, part).sum())
        record[part] = {"start": start.isoformat(), "end": end.isoformat(), "rows": rows}
    return record


def read_folds(path: Path | str) -> list[TimeFold]:
    """Read the folds of a splits file, in time order."""
    records = json.loads(Path(path).read_text(encoding="utf-8"))["folds"]
    return [
        TimeFold(*((pd.Timestamp(r[p]["start"]), pd.Timestamp(r[p]["end"])) for p in PARTS)) for r in records
    ]


def fold_lines(records: list[dict[str, Any]]) -> list[str]:
    """A line for the log of each fold's record: from when until when its parts go, and their rows."""
    spans = (
        [
            f"{part} {span['start'][:16]} .. {span['end'][:16]} ({span['rows']:,} rows)"
            for part, span in record.items()
        ]
        for record in records
    )
    return [f"fold {k}: {', '.join(parts)}" for k, parts in enumerate(spans)]
