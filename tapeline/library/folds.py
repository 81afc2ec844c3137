"""Walk-forward folds on an own calendar."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from tapeline.errors import ArgumentError
from tapeline.library.arguments import read_arguments
from tapeline.params import Section
from tapeline.schema import Horizon
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward

Times = pd.Series | pd.DatetimeIndex | NDArray[np.datetime64]


class CalendarArguments(Section):
    """Bars per day of a calendar, and the labels' horizon in bars."""

    bars_per_day: Annotated[int, Field(ge=1)]
    horizon: Horizon


class FoldRows(NamedTuple):
    """Positions, rising, of the rows of one fold."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def walk_forward_folds(
    timestamps: Times,
    *,
    bars_per_day: int,
    horizon: int,
    mode: Literal["rolling", "expanding"],
    folds: int,
    train: float | Literal["auto"],
    validation: float | Literal["auto"],
    test: float | Literal["auto"],
    embargo: int,
) -> list[FoldRows]:
    """Purged, embargoed walk-forward folds of rows at `timestamps`, in time order.

    timestamps : (n,) in any order; rows of one time, of several symbols, stay together. Each time that occurs
        is a bar of the calendar, whatever lies between two of them
    bars_per_day : bars that count as a day of `train`, `validation` and `test`; 1 gives their lengths in bars
    horizon : bars after its own that a label looks ahead; no label of an earlier part ends in a later one
    embargo : bars left out beside these before the next part begins

    The other arguments are those of section `splits` of params.yaml. ArgumentError names a wrong one,
    SplitError says how many bars the folds are short of.
    """
    calendar = read_arguments(CalendarArguments, {"bars_per_day": bars_per_day, "horizon": horizon})
    params = read_arguments(
        SplitParams,
        {
            "mode": mode, "folds": folds, "train": train, "validation": validation, "test": test,
            "embargo": embargo,
        },
    )  # fmt: skip
    times = pd.Index(timestamps)
    if not isinstance(times, pd.DatetimeIndex):
        raise ArgumentError(f"timestamps are of dtype {times.dtype}: must be times, as of pd.to_datetime")
    if times.hasnans or not len(times):
        raise ArgumentError("timestamps must be times, at least one and none missing")
    bars, bar = np.unique(times.asi8, return_inverse=True)
    span = Span(len(bars), 0, calendar.bars_per_day)
    return [
        FoldRows(*(np.flatnonzero((bar >= part.start) & (bar < part.stop)) for part in parts))
        for fold in walk_forward(params, span, calendar.horizon)
        for parts in [(fold.train, fold.validation, fold.test)]
    ]
