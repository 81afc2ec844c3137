"""Features of the newest candle from a bounded buffer: what serving computes, candle by candle."""

from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.features.declare import Candles, Feature, FloatArray
from tapeline.features.table import as_candles

SHORTER = (64, 256)  # candles that features of a shorter lookback are computed from, to save time


def latest_features(
    buffer: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], max_fill: int
) -> FloatArray:
    """Values of `features`, shape (F,), at the last of `buffer`, consecutive canonical candles of a segment.

    `leader` holds the leading symbol's candles that opened before the last of `buffer`, `max_fill` says how
    old its last close may be. With as many candles as the longest lookback in both, the values are those of
    the whole history to 1e-6. Raises ValueError where the buffer is shorter.
    """
    return newest(as_candles(buffer, leader, max_fill), features)


def newest(candles: Candles, features: Sequence[Feature]) -> FloatArray:
    """Values of `features`, shape (F,), at the last of `candles`; ValueError if those are too few."""
    n, longest = len(candles.close), max(feature.lookback for feature in features)
    if n < longest:
        raise ValueError(f"{n} candles are fewer than the {longest} that the features look back")
    lengths = [*(length for length in SHORTER if length < n), n]
    cuts = [candles.rows(n - length, n) for length in lengths]
    return np.array(
        [feature.compute(cuts[bisect_left(lengths, feature.lookback)])[-1] for feature in features]
    )
