"""Oscillators: where the close stands against its recent past."""

import talib

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio


@feature("momentum", lookback=300, low=0, high=100)
def rsi_14(candles: Candles) -> FloatArray:
    """Relative strength index over 14 candles (Wilder)."""
    return talib.RSI(candles.close, timeperiod=14)


@feature("momentum", lookback=21, low=0, high=100)
def stochastic_14(candles: Candles) -> FloatArray:
    """Slow stochastic %D: close within the 14-candle range, smoothed 3 and 3."""
    return talib.STOCH(candles.high, candles.low, candles.close, fastk_period=14)[1]


@feature("momentum", lookback=20)
def cci_20(candles: Candles) -> FloatArray:
    """Commodity channel index over 20 candles."""
    return talib.CCI(candles.high, candles.low, candles.close, timeperiod=20)


@feature("momentum", lookback=400)
def macd_histogram(candles: Candles) -> FloatArray:
    """MACD (12, 26) less its signal line (9), in parts of the close."""
    return ratio(talib.MACD(candles.close)[2], candles.close)
