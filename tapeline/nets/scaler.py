"""Standardisation fitted on training rows alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE, COLUMNS_AT_ONCE = 65_536, 8  # so that millions of candles are not held a second time
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
    """Fit on `rows`, the training rows, of (N, F) features; one that is constant there is only centred."""
    mean, std = [], []
    for first in range(0, features.shape[1], COLUMNS_AT_ONCE):
        training = features[rows, first : first + COLUMNS_AT_ONCE].astype(np.float64)
        mean.append(training.mean(axis=0))
        std.append(training.std(axis=0))
    means, deviation = np.concatenate(mean), np.concatenate(std)
    is_constant = deviation <= ROUNDING * np.abs(means)
    return Scaler(means, np.where(is_constant, 1.0, deviation))
