"""Windowed sums and deviations, each window computed afresh.

A running sum would carry rounding from the first candle on; computed afresh, a value is the same bits
from a bounded buffer as from the whole history.
"""

import numpy as np
from numba import njit

from tapeline.features.declare import FloatArray


@njit(cache=True)
def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum of the last `window` values, shape (n,); NaN before there are as many."""
    out = np.full(values.shape[0], np.nan)
    for end in range(window, values.shape[0] + 1):
        total = 0.0
        for i in range(end - window, end):
            total += values[i]
        out[end - 1] = total
    return out


@njit(cache=True)
def rolling_std(values: FloatArray, window: int) -> FloatArray:
    """Population standard deviation of the last `window` values, shape (n,); NaN before there are as many."""
    means = rolling_sum(values, window) / window
    out = np.full(values.shape[0], np.nan)
    for end in range(window, values.shape[0] + 1):
        total = 0.0
        for i in range(end - window, end):
            total += (values[i] - means[end - 1]) ** 2
        out[end - 1] = np.sqrt(total / window)
    return out


def ratio(numerator: FloatArray, denominator: FloatArray, where_zero: float = 0.0) -> FloatArray:
    """Divide elementwise, `where_zero` where the denominator is zero (flat prices, no volume); shape (n,)."""
    out = np.full(numerator.shape[0], where_zero)
    return np.divide(numerator, denominator, out=out, where=denominator != 0)
