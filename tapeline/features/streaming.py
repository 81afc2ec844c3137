"""Features of the newest candle from a bounded buffer: what serving computes, candle by candle."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.features.declare import Feature, FloatArray
from tapeline.features.table import as_candles


def latest_features(buffer: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature]) -> FloatArray:
    """Values of `features`, shape (F,), at the last of `buffer`, consecutive canonical candles of a segment.

    `leader` holds the leading symbol's candles that opened before the last of `buffer`. With as many
    candles as the longest lookback in both, the values are those of the whole history to 1e-6. Raises
    ValueError where the buffer is shorter.
    """
    longest = max(feature.lookback for feature in features)
    if len(buffer) < longest:
        raise ValueError(f"{len(buffer)} candles are fewer than the {longest} that the features look back")
    candles = as_candles(buffer, leader)
    return np.array([feature.compute(candles)[-1] for feature in features])
