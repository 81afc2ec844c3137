"""TA-Lib's indicators, of arrays (n,) or of what stands for them while a feature is compiled.

Called from compiled code they are the same functions of the same library. Others can be called as
`talib.NAME` in a feature, which then is not compiled.
"""

from tapeline.features.kernel import FloatArray
from tapeline.features.program import apply


def ema(values: FloatArray, window: int) -> FloatArray:
    """Exponential mean."""
    return _indicator("EMA", window, values)


def rsi(close: FloatArray, window: int) -> FloatArray:
    """Relative strength index."""
    return _indicator("RSI", window, close)


def trix(close: FloatArray, window: int) -> FloatArray:
    """Rate of change, in percent, of a triple exponential mean."""
    return _indicator("TRIX", window, close)


def linear_slope(values: FloatArray, window: int) -> FloatArray:
    """Slope of the least-squares line."""
    return _indicator("LINEARREG_SLOPE", window, values)


def cci(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Commodity channel index."""
    return _indicator("CCI", window, high, low, close)


def natr(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Average true range in percent of the close."""
    return _indicator("NATR", window, high, low, close)


def adx(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Average directional index."""
    return _indicator("ADX", window, high, low, close)


def plus_di(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Plus directional indicator."""
    return _indicator("PLUS_DI", window, high, low, close)


def minus_di(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Minus directional indicator."""
    return _indicator("MINUS_DI", window, high, low, close)


def aroon_oscillator(high: FloatArray, low: FloatArray, window: int) -> FloatArray:
    """Aroon oscillator."""
    return _indicator("AROONOSC", window, high, low)


def mfi(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, window: int) -> FloatArray:
    """Money flow index."""
    return _indicator("MFI", window, high, low, close, volume)


def ultimate_oscillator(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    """Ultimate oscillator over 7, 14 and 28 candles."""
    return _indicator("ULTOSC", 0, high, low, close)


def macd_histogram(close: FloatArray) -> FloatArray:
    """MACD (12, 26) less its signal line (9)."""
    return _indicator("MACD", 0, close)


def slow_stochastic(high: FloatArray, low: FloatArray, close: FloatArray, window: int) -> FloatArray:
    """Slow stochastic %D, smoothed 3 and 3."""
    return _indicator("STOCH", window, high, low, close)


def _indicator(name: str, window: int, *inputs: FloatArray) -> FloatArray:
    values: FloatArray = apply(name, *inputs, option=window)
    return values
