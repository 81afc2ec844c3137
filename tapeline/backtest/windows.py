"""Means and deviations over the last values, each a function of its window alone.

A running sum carries the rounding of all that came before, so the same window would have other last digits
in a longer history; an account that is kept up bar by bar has to come to the backtest's own.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


@njit(cache=True, nogil=True)
def window_mean(values: FloatArray, n: int) -> FloatArray:
    """Mean of the `n` values up to each of (m,); NaN where there are fewer, or one of them is NaN."""
    means = np.full(values.size, np.nan)
    for i in range(n - 1, values.size):
        total = 0.0
        for value in values[i - n + 1 : i + 1]:
            total += value
        means[i] = total / n
    return means


@njit(cache=True, nogil=True)
def window_deviation(values: FloatArray, n: int) -> FloatArray:
    """Standard deviation, of n - 1 degrees of freedom, of the same windows; `n` is at least 2."""
    deviations = np.full(values.size, np.nan)
    means = window_mean(values, n)
    for i in range(n - 1, values.size):
        squares = 0.0
        for value in values[i - n + 1 : i + 1]:
            squares += (value - means[i]) ** 2
        deviations[i] = np.sqrt(squares / (n - 1))
    return deviations
