"""What a prediction costs: log loss of a probability, absolute error of a strength. Lower is better."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
# A prediction nearer to 0 or 1 is taken as this far from it: one that is certain and wrong must cost much,
# not infinitely much.
EDGE = 1e-12


def log_losses(probability: FloatArray, label: FloatArray) -> FloatArray:
    """Loss -(y log p + (1 - y) log(1 - p)) of each probability p, for a label y in 0..1; shape (n,)."""
    p = np.clip(probability, EDGE, 1 - EDGE)
    losses: FloatArray = -(label * np.log(p) + (1 - label) * np.log1p(-p))
    return losses


def log_loss(probability: FloatArray, label: FloatArray) -> float:
    """Mean of `log_losses`; NaN of none."""
    return float(np.mean(log_losses(probability, label)))


def absolute_errors(predicted: FloatArray, actual: FloatArray) -> FloatArray:
    """Loss of each strength; shape (n,)."""
    errors: FloatArray = np.abs(predicted - actual)
    return errors
