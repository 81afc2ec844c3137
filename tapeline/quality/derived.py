"""Columns prepared for the expectations: time within segments, moves and runs, each of shape (n,).

A value that can't be computed (a missing time, a price that is not positive) comes out False or NaN:
the expectation on the raw column reports it.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import INTERVAL_MINUTES, Interval

NORMAL_MAD = 1.4826  # standard deviations in one median absolute deviation of a normal variable


def with_time_columns(table: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Add `is_on_grid` (opens at a multiple of `interval`) and `is_in_step` to `timestamp`, `segment`.

    In step: one interval after the candle before, unless a gap started a new segment.
    """
    width = pd.Timedelta(minutes=INTERVAL_MINUTES[interval])
    is_next = table["timestamp"].diff() == width
    is_same_segment = table["segment"] == table["segment"].shift()
    is_in_step = is_next == is_same_segment
    return table.assign(
        is_on_grid=table["timestamp"].dt.floor(width) == table["timestamp"],
        is_in_step=is_in_step.where(table.index > 0, True),
    )


def with_candle_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add `is_filled_flat`, `move` and `stale` to canonical candles.

    `is_filled_flat` is False where a filled candle has a range or a volume. `move` is |log return|
    in robust standard deviations of the table's own moves, 0 at a segment's start. `stale` counts
    the traded candles in a row, up to this one, that left the close where it was.
    """
    opening, high, low, close = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
    is_traded = ~table["is_filled"].to_numpy()
    is_flat = (high == low) & (opening == low) & (close == low) & (table["volume"].to_numpy() == 0)
    is_first = table["segment"].diff().to_numpy() != 0
    with np.errstate(divide="ignore", invalid="ignore"):
        move = np.abs(np.diff(np.log(close), prepend=np.nan))
    move[is_first] = 0.0
    is_changed = is_first | (np.diff(close, prepend=np.nan) != 0)
    return table.assign(
        is_filled_flat=is_traded | is_flat,
        move=move / _robust_sigma(move),
        stale=_run_length(is_traded & ~is_changed, is_changed),
    )


def _robust_sigma(moves: NDArray[np.float64]) -> float:
    moves = moves[np.isfinite(moves) & (moves > 0)]
    return NORMAL_MAD * float(np.median(moves)) if moves.size else np.nan


def _run_length(counts: NDArray[np.bool_], resets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the True of `counts` since the last True of `resets`."""
    total = np.cumsum(counts)
    return total - np.maximum.accumulate(np.where(resets, total, 0))
