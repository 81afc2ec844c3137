"""The shape of the last candle and of the last few."""

import numpy as np

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio, rolling_mean, rolling_sum


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


@feature("shape", lookback=1, low=-1, high=1)
def close_location(candles: Candles) -> FloatArray:
    """Where the close lies in the candle's range: -1 its low, 1 its high, 0 where it has none."""
    return ratio(2 * candles.close - candles.high - candles.low, candles.high - candles.low)


@feature("shape", lookback=60, low=0)
def range_ratio_60(candles: Candles) -> FloatArray:
    """The candle's range against the mean of 60, as log(1 + ratio)."""
    ranges = candles.high - candles.low
    return np.log1p(ratio(ranges, rolling_mean(ranges, 60)))


@feature("shape", lookback=15, low=-1, high=1)
def body_balance_15(candles: Candles) -> FloatArray:
    """Sum of the bodies of 15 candles, in parts of the sum of their ranges."""
    bodies, ranges = candles.close - candles.open, candles.high - candles.low
    return np.clip(ratio(rolling_sum(bodies, 15), rolling_sum(ranges, 15)), -1, 1)


@feature("shape", lookback=15, low=-1, high=1)
def shadow_balance_15(candles: Candles) -> FloatArray:
    """Lower less upper shadows of 15 candles, in parts of the sum of their ranges."""
    shadows = candles.open + candles.close - candles.high - candles.low  # lower less upper
    ranges = candles.high - candles.low
    return np.clip(ratio(rolling_sum(shadows, 15), rolling_sum(ranges, 15)), -1, 1)
