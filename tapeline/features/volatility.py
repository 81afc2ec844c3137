"""How far prices move, whichever way."""

import numpy as np
import talib

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.returns import log_return
from tapeline.features.rolling import rolling_std, rolling_sum


@feature("volatility", lookback=16, low=0)
def volatility_15(candles: Candles) -> FloatArray:
    """Standard deviation of one-candle log returns over 15 candles."""
    return rolling_std(log_return(candles.close, 1), 15)


@feature("volatility", lookback=61, low=0)
def volatility_60(candles: Candles) -> FloatArray:
    """Standard deviation of one-candle log returns over 60 candles."""
    return rolling_std(log_return(candles.close, 1), 60)


@feature("volatility", lookback=241, low=0)
def volatility_240(candles: Candles) -> FloatArray:
    """Standard deviation of one-candle log returns over 240 candles."""
    return rolling_std(log_return(candles.close, 1), 240)


@feature("volatility", lookback=30, low=0)
def parkinson_30(candles: Candles) -> FloatArray:
    """Parkinson's volatility from highs and lows over 30 candles: sqrt(mean(ln(H/L)^2) / (4 ln 2))."""
    squares = np.log(candles.high / candles.low) ** 2
    return np.sqrt(rolling_sum(squares, 30) / (30 * 4 * np.log(2)))


@feature("volatility", lookback=300, low=0)
def natr_14(candles: Candles) -> FloatArray:
    """Average true range over 14 candles in percent of the close (Wilder)."""
    return talib.NATR(candles.high, candles.low, candles.close, timeperiod=14)
