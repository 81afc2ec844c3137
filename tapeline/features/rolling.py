"""Sums, moments and correlations over a window, in constant time per candle.

The values are cut into blocks of one window's length. A window then is the end of one block and the
beginning of the next, and its sum is a suffix's plus a prefix's: only values within the window are ever
added, so nothing is carried from the first candle on as a running sum carries its rounding, and a window
of zeros sums to zero. Means and squares merge likewise (Chan, Golub, LeVeque 1979). NaN where the window
is not full or holds a NaN.
"""

import numpy as np
from numba import njit

from tapeline.features.declare import FloatArray


@njit(cache=True)
def rolling_sum(values: FloatArray, window: int) -> FloatArray:
    """Sum of the last `window` values, shape (n,)."""
    n = values.shape[0]
    out = np.full(n, np.nan)
    suffix = np.zeros(window + 1)  # suffix[i]: sum of the block before, from its i-th value on
    for start in range(0, n, window):
        length = min(window, n - start)
        prefix = 0.0
        for i in range(length):
            prefix += values[start + i]
            if start > 0 or i == window - 1:
                out[start + i] = suffix[i + 1] + prefix
        if length == window:
            for i in range(window - 1, -1, -1):
                suffix[i] = suffix[i + 1] + values[start + i]
    return out


def rolling_mean(values: FloatArray, window: int) -> FloatArray:
    """Mean of the last `window` values, shape (n,)."""
    return rolling_sum(values, window) / window


def rolling_std(values: FloatArray, window: int, ddof: int = 0) -> FloatArray:
    """Standard deviation of the last `window` values, shape (n,), of the population unless `ddof` is 1."""
    square, _, _ = rolling_comoments(values, values, window)
    return np.sqrt(square / (window - ddof))


def rolling_correlation(x: FloatArray, y: FloatArray, window: int) -> FloatArray:
    """Pearson's correlation of the last `window` pairs, shape (n,); 0 where either is constant."""
    square_x, square_y, product = rolling_comoments(x, y, window)
    correlation = ratio(product, np.sqrt(square_x * square_y))
    return np.minimum(np.maximum(correlation, -1.0), 1.0)


@njit(cache=True)
def rolling_comoments(x: FloatArray, y: FloatArray, window: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Sums of squared deviations of x, of y and of their products over the last `window`, (n,) each."""
    n = x.shape[0]
    out = np.full((3, n), np.nan)
    suffix = np.zeros((5, window + 1))  # means of x and y, then the three sums, from the i-th value on
    for start in range(0, n, window):
        length = min(window, n - start)
        mean_x = mean_y = square_x = square_y = product = 0.0
        for i in range(length):
            at_x, at_y = x[start + i], y[start + i]
            off_x, off_y = at_x - mean_x, at_y - mean_y
            mean_x += off_x / (i + 1)
            mean_y += off_y / (i + 1)
            square_x += off_x * (at_x - mean_x)
            square_y += off_y * (at_y - mean_y)
            product += off_x * (at_y - mean_y)
            if start > 0 or i == window - 1:
                gap_x, gap_y = mean_x - suffix[0, i + 1], mean_y - suffix[1, i + 1]
                weight = (i + 1) * (window - i - 1) / window
                out[0, start + i] = suffix[2, i + 1] + square_x + gap_x * gap_x * weight
                out[1, start + i] = suffix[3, i + 1] + square_y + gap_y * gap_y * weight
                out[2, start + i] = suffix[4, i + 1] + product + gap_x * gap_y * weight
        if length == window:
            for i in range(window - 1, -1, -1):
                at_x, at_y, count = x[start + i], y[start + i], window - i
                off_x, off_y = at_x - suffix[0, i + 1], at_y - suffix[1, i + 1]
                suffix[0, i] = suffix[0, i + 1] + off_x / count
                suffix[1, i] = suffix[1, i + 1] + off_y / count
                suffix[2, i] = suffix[2, i + 1] + off_x * (at_x - suffix[0, i])
                suffix[3, i] = suffix[3, i + 1] + off_y * (at_y - suffix[1, i])
                suffix[4, i] = suffix[4, i + 1] + off_x * (at_y - suffix[1, i])
    return out[0], out[1], out[2]


@njit(cache=True)
def ratio(numerator: FloatArray, denominator: FloatArray, where_zero: float = 0.0) -> FloatArray:
    """Divide elementwise, `where_zero` where the denominator is zero (flat prices, no volume); shape (n,)."""
    out = np.empty(numerator.shape[0])
    for i in range(out.shape[0]):
        out[i] = where_zero if denominator[i] == 0 else numerator[i] / denominator[i]
    return out


def lag(values: FloatArray, count: int) -> FloatArray:
    """Values of `count` candles before, shape (n,); NaN in the first `count` rows."""
    out = np.full(values.shape[0], np.nan)
    out[count:] = values[:-count]
    return out
