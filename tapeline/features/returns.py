"""Log returns over several windows."""

import numpy as np

from tapeline.features.declare import Candles, FloatArray, feature


def log_return(close: FloatArray, window: int) -> FloatArray:
    """Log return over `window` candles, shape (n,); NaN in the first `window` rows."""
    out = np.full(close.shape[0], np.nan)
    out[window:] = np.log(close[window:] / close[:-window])
    return out


@feature("returns", lookback=2)
def return_1(candles: Candles) -> FloatArray:
    """Log return of the last candle."""
    return log_return(candles.close, 1)


@feature("returns", lookback=6)
def return_5(candles: Candles) -> FloatArray:
    """Log return of the last 5 candles."""
    return log_return(candles.close, 5)


@feature("returns", lookback=16)
def return_15(candles: Candles) -> FloatArray:
    """Log return of the last 15 candles."""
    return log_return(candles.close, 15)


@feature("returns", lookback=61)
def return_60(candles: Candles) -> FloatArray:
    """Log return of the last 60 candles."""
    return log_return(candles.close, 60)


@feature("returns", lookback=241)
def return_240(candles: Candles) -> FloatArray:
    """Log return of the last 240 candles."""
    return log_return(candles.close, 240)
