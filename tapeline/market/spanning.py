"""Candles of a longer interval in the place of shorter ones: each has range and volume of those after it.

What names and steps can't show: minutes and hours joined, one of the two of a time left, give a file whose
steps are all a minute, and whose candle at every full hour is the hour's.
"""

from math import log

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.intervals import LONGER
from tapeline.market.raw import RawCandles
from tapeline.market.times import MINUTE, microseconds

SHORTEST = 5  # candles in a longer one, that chance seldom makes look so
ENOUGH = 0.9  # of the others' volume, where sums are rounded or a few candles missing
# Of 2.9 million real candles on the grid of an interval k times as long, one in k^2 spans the k - 1 after it,
# and n in a row by chance k^-2n: a day, two hours, five of 5 minutes are enough.
SURE_RUN = log(2e6)
SURE_CHOSEN = log(500)  # that most candles which took another's place are


def check_spanning(kept: pd.DataFrame, raw: RawCandles, interval: int, winners: NDArray[np.int64]) -> None:
    """Raise DataError if candles of `kept`, sorted rows of `raw`, span those after them too often for chance.

    `interval` is that of a candle in microseconds; `winners` are the positions in `kept` of candles that took
    the place of others of their time.
    """
    steps = microseconds(kept["timestamp"]) // interval
    values = kept[["high", "low", "volume"]].to_numpy()
    for length in [longer * MINUTE // interval for longer in LONGER if longer * MINUTE % interval == 0]:
        if length < SHORTEST:
            continue
        rows, is_spanning = _find_spanning(steps, values, length)
        spans = rows[is_spanning]
        chosen = np.intersect1d(spans, winners)
        if len(chosen) * 2 > len(winners) and len(chosen) * 2 * log(length) >= SURE_CHOSEN:
            _refuse(kept, raw, chosen, length * interval // MINUTE)
        run = _first_run(rows, is_spanning, int(np.ceil(SURE_RUN / (2 * log(length)))))
        if len(run):
            _refuse(kept, raw, run, length * interval // MINUTE)


def _find_spanning(
    steps: NDArray[np.int64], values: NDArray[np.float64], length: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Positions of the first candle of each stretch of `length`, and whether it spans all others there."""
    groups = steps // length
    starts = np.flatnonzero(np.append(True, groups[1:] != groups[:-1]))
    counts = np.diff(np.append(starts, len(groups)))
    others = values.copy()
    others[starts] = (-np.inf, np.inf, 0.0)
    high, low, volume = (
        each.reduceat(others[:, column], starts)
        for column, each in enumerate((np.maximum, np.minimum, np.add))
    )
    of_first = values[starts]
    is_judged = (steps[starts] % length == 0) & (counts * 2 > length) & (volume > 0)
    is_wide = (of_first[:, 0] >= high) & (of_first[:, 1] <= low) & (of_first[:, 0] > of_first[:, 1])
    return starts, is_judged & is_wide & (of_first[:, 2] >= ENOUGH * volume)


def _first_run(rows: NDArray[np.int64], is_one: NDArray[np.bool_], least: int) -> NDArray[np.int64]:
    """The first `least` or more of `rows` in a row of which each `is_one`; none if there is no such run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_one, [False]])))
    for begin, end in zip(edges[::2], edges[1::2], strict=True):
        if end - begin >= least:
            return rows[begin:end]
    return rows[:0]


def _refuse(kept: pd.DataFrame, raw: RawCandles, rows: NDArray[np.int64], minutes: int) -> None:
    row = kept.iloc[rows[0]]
    more = f", as have {len(rows)} candles" if len(rows) > 1 else ""
    raise DataError(
        raw.place_of(row),
        f"has range and volume, {row['volume']:.10g}, of all the {minutes} minutes from there on{more}: it "
        f"is {minutes} minutes long; a symbol's files hold one interval",
    )
