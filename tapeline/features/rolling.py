"""Sums, moments, extremes and correlations over a window, in constant time per candle.

Each takes arrays (n,) that end with the newest candle, or what stands for them while a feature is compiled,
and returns as many values; NaN where the window is not full or holds a NaN. How they are computed, so that a
value depends on nothing but its window, says `kernel.py`.
"""

import numpy as np

from tapeline.features.kernel import FloatArray
from tapeline.features.program import apply


def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum of the last `window` values, shape (n,)."""
    return _apply("sum", values, option=window)


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values, shape (n,)."""
    return rolling_sum(values, window) / window


def rolling_std(values: FloatArray, window: int, ddof: int = 0) -> FloatArray:
    """Standard deviation of the last `window` values, shape (n,), of the population unless `ddof` is 1."""
    deviation: FloatArray = np.sqrt(_apply("squares", values, option=window) / (window - ddof))
    return deviation


def rolling_correlation(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Pearson's correlation of the last `window` pairs, shape (n,); 0 where either is constant."""
    return _apply("correlation", x, y, option=window)


def rolling_straightness(values: FloatArray, window: int) -> FloatArray:
    """Correlation of the last `window` values with time, shape (n,); 0 where they are constant."""
    return _apply("correlation", values, 0.0 * values, option=window, number=1.0)


def rolling_min(values: FloatArray, window: int) -> FloatArray:
    """Lowest of the last `window` values, none of which may be NaN, shape (n,)."""
    return _apply("lowest", values, option=window)


def rolling_max(values: FloatArray, window: int) -> FloatArray:
    """Highest of the last `window` values, none of which may be NaN, shape (n,)."""
    return _apply("highest", values, option=window)


def run_length(values: FloatArray, most: int) -> FloatArray:
    """How many values in a row, up to each, are equal to it, at most `most`; shape (n,)."""
    return _apply("run", values, option=most)


def ratio(numerator: FloatArray, denominator: FloatArray, where_zero: float = 0.0) -> FloatArray:
    """Divide elementwise, `where_zero` where the denominator is zero (flat prices, no volume); shape (n,)."""
    return _apply("ratio", numerator, denominator, number=where_zero)


def lag(values: FloatArray, count: int) -> FloatArray:
    """Values of `count` candles before, shape (n,); NaN in the first `count` rows."""
    return _apply("lag", values, option=count)


def log_return(close: FloatArray, window: int) -> FloatArray:
    """Log return over `window` candles, shape (n,); NaN in the first `window` rows."""
    change: FloatArray = np.log(close / lag(close, window))
    return change


def _apply(operation: str, *inputs: FloatArray, option: int = 0, number: float = 0.0) -> FloatArray:
    least = {"lag": 0, "ratio": 0}.get(operation, 1)
    if option < least:
        raise ValueError(f"{operation}: must look back over at least {least} candles, got {option}")
    result: FloatArray = apply(operation, *inputs, option=option, number=number)
    return result
