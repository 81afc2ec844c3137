"""Candles of a longer interval from those of a shorter one, whole intervals only."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from tapeline.candles import count_missing, is_too_long
from tapeline.market.times import microseconds


class Resampled(NamedTuple):
    """Longer `candles`; how many shorter ones are missing within them, and how many longer were not built."""

    candles: pd.DataFrame
    n_missing: int
    n_partial: int


def resample(kept: pd.DataFrame, shorter: int, longer: int, max_fill: int) -> Resampled:
    """Join `kept`, sorted candles of `shorter` microseconds, to candles of `longer`.

    A candle is built where all of its span is known: each shorter candle is there, or lies in a gap of at
    most `max_fill`, in which nobody traded. Where the candles begin, end or lack more, an interval is not
    whole. A candle's file and row are those of its first.
    """
    times = microseconds(kept["timestamp"])
    begins = times // longer * longer
    is_long = is_too_long(count_missing(np.diff(times), shorter), max_fill)
    is_edge = np.concatenate([[True], is_long, [True]])  # before each candle, and behind the last
    is_partial = (is_edge[:-1] & (times != begins)) | (is_edge[1:] & (times + shorter != begins + longer))
    grouped = kept.assign(timestamp=begins, is_partial=is_partial).groupby("timestamp", sort=False)
    candles = grouped.agg(
        open=("open", "first"),
        high=("high", "max"),
        low=("low", "min"),
        close=("close", "last"),
        volume=("volume", "sum"),
        file=("file", "first"),
        row=("row", "first"),
        is_partial=("is_partial", "any"),
    ).reset_index()
    counts = grouped.size().to_numpy()
    is_whole = ~candles.pop("is_partial").to_numpy()
    n_missing = int((longer // shorter - counts[is_whole]).sum())
    candles["timestamp"] = pd.to_datetime(candles["timestamp"], unit="us", utc=True).astype(
        kept["timestamp"].dtype
    )
    whole = candles[is_whole].reset_index(drop=True)[list(kept.columns)]
    return Resampled(whole, n_missing, int((~is_whole).sum()))
