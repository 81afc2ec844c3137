"""Standardisation fitted on training rows alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LIMIT = 10.0  # standard deviations; a crash must not drive the networks to where they never were


@dataclass(frozen=True)
class Scaler:
    """Mean and standard deviation of each feature, shape (F,) each."""

    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float32]:
        """Standardise (N, F) features and clip them to +-LIMIT."""
        scaled = (features - self.mean) / self.std
        return np.clip(scaled, -LIMIT, LIMIT, out=scaled).astype(np.float32)


def fit_scaler(features: NDArray[np.float64], rows: NDArray[np.int64]) -> Scaler:
    """Fit on `rows`, the training rows, of (N, F) features; one that is constant there is only centred."""
    training = features[rows]
    std = training.std(axis=0)
    return Scaler(training.mean(axis=0), np.where(std > 0, std, 1.0))
