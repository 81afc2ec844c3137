"""Columns prepared for the expectations: time within segments, moves and runs, each of shape (n,).

A value that can't be computed (a missing time, a price that is not positive) comes out False or NaN:
the expectation on the raw column reports it.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import INTERVAL_MINUTES, Interval, Tabular

SIGMA_WINDOW = 240  # returns that the standard deviation of a move is taken over


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


def with_gap_column(table: pd.DataFrame, interval: Interval) -> pd.DataFrame:
    """Add `gap`: the share of the span from first to last candle that has no candle, right before this one.

    Candles that were filled are there, so the sum over a table is the share left open between segments.
    """
    width = pd.Timedelta(minutes=INTERVAL_MINUTES[interval])
    time = table["timestamp"]
    span = (time.max() - time.min()) / width + 1
    steps: pd.Series[pd.Timedelta] = time.diff()
    missing = (steps / width - 1).clip(lower=0).fillna(0.0)
    return table.assign(gap=missing / span)


def with_candle_columns(table: pd.DataFrame) -> pd.DataFrame:
    """Add `is_filled_flat`, `move`, `seam`, `stale` and `quiet` to canonical candles.

    `is_filled_flat` is False where a filled candle has a range or a volume. `move` is |log return| over
    the standard deviation of the `SIGMA_WINDOW` returns before it; NaN where a segment has fewer, or
    where they are all equal. `seam` is the move onto the first candle of another file within a segment,
    NaN elsewhere; before the first `SIGMA_WINDOW` returns it is measured by those after it. `stale`
    counts the traded candles in a row, up to this one, that left the close where it was, `quiet` those
    that had no volume; both begin anew with a segment, and filled candles neither count nor end a run.
    """
    opening, high, low, close = (table[name].to_numpy() for name in ("open", "high", "low", "close"))
    is_traded = ~table["is_filled"].to_numpy()
    has_no_volume = table["volume"].to_numpy() == 0
    is_flat = (high == low) & (opening == low) & (close == low) & has_no_volume
    is_first = table["segment"].diff().to_numpy() != 0
    returns = _log_returns(close, is_first)
    before, after = _sigmas(returns)
    is_seam = table["file"].diff().to_numpy() != 0  # a segment's first candle has no return to measure
    sigma_of_seam = np.where(np.isnan(before), after, before)
    is_changed = is_first | (np.diff(close, prepend=np.nan) != 0)
    return table.assign(
        is_filled_flat=is_traded | is_flat,
        move=np.abs(returns) / before,
        seam=np.where(is_seam, np.abs(returns) / sigma_of_seam, np.nan),
        stale=_run_length(is_traded & ~is_changed, is_changed),
        quiet=_run_length(is_traded & has_no_volume, is_first | ~has_no_volume),
    )


def summary_of(table: Tabular, columns: Sequence[str]) -> pd.DataFrame:
    """Sum each of `columns` up in a row of its name: values `missing`, `least`, `greatest`, `twin`.

    `twin` is "equals OTHER in every row" with the first other column, in the order of `columns`, whose values
    are the same in every row, and None where there is none. A constant column has no twin: that it is
    constant says enough. Neither extreme is there (NaN) where no value is.
    """
    rows = []
    first_with: dict[bytes, str] = {}
    for name in columns:
        values = table[name].to_numpy()
        is_missing = np.isnan(values)
        there = values[~is_missing] if is_missing.any() else values
        low, high = (float(there.min()), float(there.max())) if there.size else (np.nan, np.nan)
        # Adding zero turns -0.0 into 0.0, which has other bits.
        digest = hashlib.blake2b(np.ascontiguousarray(values + 0.0).data, digest_size=16).digest()
        other = first_with.setdefault(digest, name)
        is_twin = other != name and low != high
        twin = f"equals {other} in every row" if is_twin else None
        rows.append((int(np.count_nonzero(is_missing)), low, high, twin))
    names = ["missing", "least", "greatest", "twin"]
    return pd.DataFrame.from_records(rows, pd.Index(columns), columns=names).assign(
        twin=pd.Series([row[-1] for row in rows], pd.Index(columns), dtype=object)  # or else None becomes NaN
    )


def column_table(summary: pd.DataFrame) -> pd.DataFrame:
    """Turn the rows of `summary_of` into columns of two rows, least and greatest, each beside its twin."""
    return pd.DataFrame(
        {
            column: pair
            for name, low, high, twin in summary[["least", "greatest", "twin"]].itertuples()
            for column, pair in (
                (name, pd.Series([low, high])),
                (twin_of(name), pd.Series([twin, None], dtype=object)),
            )
        }
    )


def twin_of(column: str) -> str:
    """Name of the column of `column_table` that names another column equal to `column`."""
    return f"twin of {column}"


def _log_returns(close: NDArray[np.float64], is_first: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Log return onto each candle, NaN at a segment's first and where a price is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = np.diff(np.log(close), prepend=np.nan)
    return np.where(is_first | ~np.isfinite(returns), np.nan, returns)


def _sigmas(returns: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Standard deviation of the returns before each candle, and of those after it; never 0.

    A segment's first return is NaN, so no full window reaches over a segment's border.
    """
    sigma = pd.Series(returns).rolling(SIGMA_WINDOW).std()
    sigma = sigma.where(sigma > 0)
    return sigma.shift(1).to_numpy(), sigma.shift(-SIGMA_WINDOW).to_numpy()


def _run_length(counts: NDArray[np.bool_], resets: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Count the True of `counts` since the last True of `resets`, that row included."""
    total = np.cumsum(counts)
    return total - np.maximum.accumulate(np.where(resets, total - counts, 0))
