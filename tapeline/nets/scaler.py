"""Standardisation fitted on training rows alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapeline.passes import ROWS_AT_ONCE, column_sums

COLUMNS_AT_ONCE = 8  # whose sums are one
ROUNDING = 1e-12  # a deviation of this share of the mean, or less, is rounding of equal numbers
LIMIT = 10.0  # standard deviations; a crash must not drive the networks to where they never were


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each feature, shape (F,) each."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def transform(self, features: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardise (N, F) features and clip them to +-LIMIT."""
        scaled = np.empty(features.shape, dtype=np.float32)
        for first in range(0, len(features), ROWS_AT_ONCE):
            block = slice(first, first + ROWS_AT_ONCE)
            scaled[block] = np.clip((features[block] - self.mean) / self.std, -LIMIT, LIMIT)
        return scaled


def fit_scaler(features: NDArray[np.floating], rows: NDArray[np.int64]) -> Scaler:
    """Fit on `rows`, the training rows, of (N, F) features; one that is constant there is only centred.

    In two passes, a block of rows at a time. Columns are summed as eight of them at once would be, so that
    the statistics of eight, which the leak audit asks for, are to the bit those of all.
    """
    n_rows, is_one_left = len(rows), features.shape[1] % COLUMNS_AT_ONCE == 1

    def taken(begin: int, end: int) -> NDArray[np.float64]:
        return features[rows[begin:end]].astype(np.float64, order="C")

    def squares(begin: int, end: int) -> NDArray[np.float64]:
        apart = taken(begin, end)
        apart -= mean
        apart *= apart
        return apart

    mean = column_sums(taken, n_rows, is_one_left) / n_rows
    std = np.sqrt(column_sums(squares, n_rows, is_one_left) / n_rows)
    is_constant = std <= ROUNDING * np.abs(mean)
    return Scaler(mean, np.where(is_constant, 1.0, std))
