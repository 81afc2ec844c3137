"""Oscillators: how the last moves compare with the recent past."""

import numpy as np

from tapeline.features import indicators
from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import lag, log_return, ratio, rolling_std, run_length


@feature("momentum", lookback=308, low=0, high=100)
def rsi_14(candles: Candles) -> FloatArray:
    """Relative strength index over 14 candles (Wilder)."""
    return indicators.rsi(candles.close, 14)


@feature("momentum", lookback=21, low=0, high=100)
def stochastic_14(candles: Candles) -> FloatArray:
    """Slow stochastic %D: close within the 14-candle range, smoothed 3 and 3."""
    return indicators.slow_stochastic(candles.high, candles.low, candles.close, 14)


@feature("momentum", lookback=20)
def cci_20(candles: Candles) -> FloatArray:
    """Commodity channel index over 20 candles."""
    return indicators.cci(candles.high, candles.low, candles.close, 20)


@feature("momentum", lookback=400)
def macd_histogram(candles: Candles) -> FloatArray:
    """MACD (12, 26) less its signal line (9), in parts of the close."""
    return ratio(indicators.macd_histogram(candles.close), candles.close)


@feature("momentum", lookback=29, low=0, high=100)
def ultimate_oscillator(candles: Candles) -> FloatArray:
    """Williams's ultimate oscillator: buying pressure over 7, 14 and 28 candles."""
    return indicators.ultimate_oscillator(candles.high, candles.low, candles.close)


@feature("momentum", lookback=400)
def trix_15(candles: Candles) -> FloatArray:
    """Rate of change, in percent, of the close smoothed three times over 15 candles."""
    return indicators.trix(candles.close, 15)


@feature("momentum", over=(15, 60, 240), lookback=lambda window: window + 1)
def momentum_z(candles: Candles, window: int) -> FloatArray:
    """Log return of {} candles in standard deviations of as many independent candles; 0 where flat."""
    sigma = rolling_std(candles.returns, window) * np.sqrt(window)
    return ratio(log_return(candles.close, window), sigma)


@feature("momentum", lookback=21, low=-20, high=20)
def streak(candles: Candles) -> FloatArray:
    """Candles in a row that closed higher (positive) or lower (negative), at most 20 counted."""
    side = np.sign(candles.close - lag(candles.close, 1))
    return side * run_length(side, 20)
