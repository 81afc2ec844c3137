"""Direction and steadiness of the move so far."""

import numpy as np

from tapeline.features import indicators
from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import lag, ratio, rolling_straightness, rolling_sum


@feature("trend", lookback=420, low=0, high=100)
def adx_14(candles: Candles) -> FloatArray:
    """Average directional index over 14 candles (Wilder): strength of the trend, not its direction."""
    return indicators.adx(candles.high, candles.low, candles.close, 14)


@feature("trend", lookback=308, low=-100, high=100)
def directional_movement_14(candles: Candles) -> FloatArray:
    """Plus less minus directional indicator over 14 candles (Wilder)."""
    prices = (candles.high, candles.low, candles.close)
    return indicators.plus_di(*prices, 14) - indicators.minus_di(*prices, 14)


@feature("trend", over=(12, 60), lookback=lambda window: 10 * window)
def ema_distance(candles: Candles, window: int) -> FloatArray:
    """Close against its exponential mean over {} candles, in parts of the mean."""
    return candles.close / indicators.ema(candles.close, window) - 1


@feature("trend", lookback=600)
def ema_cross_12_60(candles: Candles) -> FloatArray:
    """Exponential mean over 12 candles against that over 60, in parts of the latter."""
    return indicators.ema(candles.close, 12) / indicators.ema(candles.close, 60) - 1


@feature("trend", lookback=30)
def slope_30(candles: Candles) -> FloatArray:
    """Slope a candle of the least-squares line through 30 closes, in parts of the close."""
    return ratio(indicators.linear_slope(candles.close, 30), candles.close)


@feature("trend", over=(60, 240), lookback=lambda window: window, low=-1, high=1)
def straightness(candles: Candles, window: int) -> FloatArray:
    """Correlation of {} closes with time: 1 a straight rise, -1 a straight fall."""
    return rolling_straightness(candles.close, window)


@feature("trend", lookback=26, low=-100, high=100)
def aroon_25(candles: Candles) -> FloatArray:
    """Aroon oscillator: candles since the 25-candle low less candles since the high."""
    return indicators.aroon_oscillator(candles.high, candles.low, 25)


@feature("trend", over=(15, 60), lookback=lambda window: window + 1, low=0, high=1)
def efficiency(candles: Candles, window: int) -> FloatArray:
    """Kaufman's efficiency ratio of the last {} candles: net move over path, as of the trend label."""
    return efficiency_ratio(candles.close, window)


def efficiency_ratio(close: FloatArray, window: int) -> FloatArray:
    """|close[t] - close[t-window]| / sum of |close[i] - close[i-1]| over the window, shape (n,), in 0..1.

    NaN in the first `window` rows; 0 where the price did not move at all. Source: Kaufman, Smarter
    Trading (1995).
    """
    steps, net = np.abs(close - lag(close, 1)), np.abs(close - lag(close, window))
    # Rounding in the sum may leave a straight line a hair above 1.
    return np.minimum(ratio(net, rolling_sum(steps, window)), 1.0)
