"""Direction and steadiness of the move so far."""

import numpy as np
import talib

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio, rolling_sum


@feature("trend", lookback=400, low=0, high=100)
def adx_14(candles: Candles) -> FloatArray:
    """Average directional index over 14 candles (Wilder): strength of the trend, not its direction."""
    return talib.ADX(candles.high, candles.low, candles.close, timeperiod=14)


@feature("trend", lookback=600)
def ema_distance_60(candles: Candles) -> FloatArray:
    """Close against its exponential mean over 60 candles, in parts of the mean."""
    return candles.close / talib.EMA(candles.close, timeperiod=60) - 1


@feature("trend", lookback=30)
def slope_30(candles: Candles) -> FloatArray:
    """Slope a candle of the least-squares line through 30 closes, in parts of the close."""
    return ratio(talib.LINEARREG_SLOPE(candles.close, timeperiod=30), candles.close)


@feature("trend", lookback=26, low=-100, high=100)
def aroon_25(candles: Candles) -> FloatArray:
    """Aroon oscillator: candles since the 25-candle low less candles since the high."""
    return talib.AROONOSC(candles.high, candles.low, timeperiod=25)


@feature("trend", lookback=16, low=0, high=1)
def efficiency_15(candles: Candles) -> FloatArray:
    """Kaufman's efficiency ratio of the last 15 candles: net move over path; the trend label's own past."""
    return efficiency_ratio(candles.close, 15)


def efficiency_ratio(close: FloatArray, window: int) -> FloatArray:
    """|close[t] - close[t-window]| / sum of |close[i] - close[i-1]| over the window, shape (n,), in 0..1.

    NaN in the first `window` rows; 0 where the price did not move at all. Source: Kaufman, Smarter
    Trading (1995).
    """
    steps = np.full(close.shape[0], np.nan)
    steps[1:] = np.abs(np.diff(close))
    net = np.full(close.shape[0], np.nan)
    net[window:] = np.abs(close[window:] - close[:-window])
    # Rounding in the sum may leave a straight line a hair above 1.
    return np.minimum(ratio(net, rolling_sum(steps, window)), 1.0)
