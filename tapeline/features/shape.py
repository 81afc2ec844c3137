"""The shape of the last candle."""

import numpy as np

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio


@feature("shape", lookback=1, low=-1, high=1)
def body(candles: Candles) -> FloatArray:
    """Close less open, in parts of the candle's range."""
    return ratio(candles.close - candles.open, candles.high - candles.low)


@feature("shape", lookback=1, low=0, high=1)
def upper_shadow(candles: Candles) -> FloatArray:
    """Range above the body, in parts of the candle's range."""
    return ratio(candles.high - np.maximum(candles.open, candles.close), candles.high - candles.low)


@feature("shape", lookback=1, low=0, high=1)
def lower_shadow(candles: Candles) -> FloatArray:
    """Range below the body, in parts of the candle's range."""
    return ratio(np.minimum(candles.open, candles.close) - candles.low, candles.high - candles.low)
