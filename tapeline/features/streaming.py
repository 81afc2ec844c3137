"""Features of the newest candle from a bounded buffer: what serving computes, candle by candle."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.compiled import FeatureProgram, program_of
from tapeline.features.declare import Candles, Feature
from tapeline.features.table import as_candles
from tapeline.schema import FEATURE_TYPE


def latest_features(
    buffer: pd.DataFrame, leader: pd.DataFrame, features: Sequence[Feature], max_fill: int
) -> NDArray[np.float32]:
    """Values of `features`, shape (F,), at the last of `buffer`, consecutive canonical candles of a segment.

    `leader` holds the leading symbol's candles that opened before the last of `buffer`, `max_fill` says how
    old its last close may be. With as many candles as the longest lookback in both, the values are those of
    the whole history to 1e-6. Raises ValueError where the buffer is shorter.
    """
    return newest(as_candles(buffer, leader, max_fill), program_of(tuple(features)))


def newest(candles: Candles, program: FeatureProgram) -> NDArray[np.float32]:
    """Values (F,) of the features of `program` at the last of `candles`; ValueError if those are too few."""
    n = len(candles.close)
    if n < program.lookback:
        raise ValueError(f"{n} candles are fewer than the {program.lookback} that the features look back")
    return program.newest(candles).astype(FEATURE_TYPE)
