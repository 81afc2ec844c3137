"""Candles of a longer interval among those asked for: a short hourly file, or hours between the minutes.

They begin at times that a shorter interval has too, and would take the place of its candles.
"""

from collections.abc import Sequence
from math import log
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.names import find_interval
from tapeline.market.times import MINUTE, microseconds
from tapeline.schema import INTERVAL_MINUTES

LONGER = (1440, 720, 240, 120, 60, 30, 15, 10, 5, 3)  # minutes, the longest first
# Candles of a quiet market are on the grid of an interval k times as long by chance, with k^-n for n of them.
SURE_FILE = log(1e5)  # that candles chosen for another reason are
# That consecutive candles of a file are, each step exactly so long: there are many to look at. Where there
# are few gaps, one is rarer than that, by their share of all other steps.
SURE_RUN = log(1e9)
LEAST_RUN = 4  # steps, for gaps come in clusters


def check_longer(files: Sequence[tuple[str, pd.Series]], interval: str, reason: str | None = None) -> None:
    """Raise DataError at the first file, or row, whose candles are of a longer interval than `interval`.

    `reason` says in the error why it must be that; None: data.interval says so.
    """
    step, reason = INTERVAL_MINUTES[interval], reason or f"data.interval is {interval}"
    for name, times in files:
        order = np.argsort(moments := microseconds(times.dropna()), kind="stable")
        minutes, first = np.unique(moments[order] // MINUTE, return_index=True)
        if not len(minutes):
            continue
        if length := _of_file(minutes, step):
            raise DataError(name, f"candles are mostly {length} minutes apart, {reason}")
        if length := _of_name(name, minutes, step):
            raise DataError(name, f"its name says candles of {length} minutes, {reason}")
        if run := _of_run(minutes, step):
            position, length = run
            row = times.dropna().index[order[first[position]]] + 1
            moment = pd.Timestamp(int(minutes[position]) * 60, unit="s")
            raise DataError(
                f"{name}, row {row}",
                f"from {moment:%Y-%m-%dT%H:%MZ} on candles are {length} minutes apart, {reason}; a "
                "file holds one interval",
            )


def find_grid(minutes: NDArray[np.int64], step: int) -> int | None:
    """Return the longest interval, over `step`, on whose grid all `minutes` lie, too many for chance."""
    for length in _longer(step):
        if len(minutes) * log(length / step) >= SURE_FILE and (minutes % length == 0).all():
            return length
    return None


def _of_file(minutes: NDArray[np.int64], step: int) -> int | None:
    length, steps = find_grid(minutes, step), np.diff(minutes)
    return length if length and (steps == length).sum() * 2 > len(steps) else None


def _of_name(name: str, minutes: NDArray[np.int64], step: int) -> int | None:
    """The longer interval of the file's name, where no two of its candles are so near that it can't be."""
    length = find_interval(Path(name))
    if length is None or length <= step or (np.diff(minutes) < length).any() or (minutes % length).any():
        return None
    return length


def _of_run(minutes: NDArray[np.int64], step: int) -> tuple[int, int] | None:
    """Position of the first candle of a run of a longer interval, and that interval in minutes."""
    steps = np.diff(minutes)
    n_gaps = (steps > step).sum()
    for length in _longer(step):
        is_one = (steps == length) & (minutes[:-1] % length == 0)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], is_one, [False]])))
        begins, counts = edges[::2], edges[1::2] - edges[::2]
        share = (n_gaps - counts + 1) / (len(steps) - counts + 1)  # of gaps among the steps outside each run
        evidence = counts * np.maximum(log(length / step), -np.log(share))
        long = np.flatnonzero((evidence >= SURE_RUN) & (counts >= LEAST_RUN))
        if len(long):
            return int(begins[long[0]]), length
    return None


def _longer(step: int) -> list[int]:
    return [length for length in LONGER if length > step and length % step == 0]
