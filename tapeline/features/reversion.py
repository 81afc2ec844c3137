"""How far prices have strayed, and how they tend to come back."""

import numpy as np

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import (
    lag,
    log_return,
    ratio,
    rolling_correlation,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
)


@feature("reversion", over=(20, 60, 240), lookback=lambda window: window)
def z_score(candles: Candles, window: int) -> FloatArray:
    """Close less its mean over {} candles, in their standard deviations (Bollinger); 0 where flat."""
    return ratio(candles.close - rolling_mean(candles.close, window), rolling_std(candles.close, window))


@feature("reversion", over=(60, 240, 720), lookback=lambda window: window, low=0, high=1)
def range_position(candles: Candles, window: int) -> FloatArray:
    """Where the close stands between the low (0) and the high (1) of {} candles; 0.5 where flat."""
    low = rolling_min(candles.low, window)
    return ratio(candles.close - low, rolling_max(candles.high, window) - low, where_zero=0.5)


@feature("reversion", lookback=240, high=0)
def drawdown_240(candles: Candles) -> FloatArray:
    """Log of the close over the high of 240 candles."""
    return np.log(candles.close / rolling_max(candles.high, 240))


@feature("reversion", lookback=240, low=0)
def rebound_240(candles: Candles) -> FloatArray:
    """Log of the close over the low of 240 candles."""
    return np.log(candles.close / rolling_min(candles.low, 240))


@feature("reversion", over=(60, 240), lookback=lambda window: window + 2, low=-1, high=1)
def autocorrelation(candles: Candles, window: int) -> FloatArray:
    """Correlation of the returns of {} candles with those one candle before; negative: they turn back."""
    return rolling_correlation(candles.returns, lag(candles.returns, 1), window)


@feature("reversion", lookback=245, low=0)
def variance_ratio_240(candles: Candles) -> FloatArray:
    """Variance of 5-candle returns over 5 times that of one-candle returns, 240 candles (Lo, MacKinlay
    1988); below 1: moves turn back. 1 where flat.
    """
    five = rolling_std(log_return(candles.close, 5), 240) ** 2
    return ratio(five, 5 * rolling_std(candles.returns, 240) ** 2, where_zero=1.0)
