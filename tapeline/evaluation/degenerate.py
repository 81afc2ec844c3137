"""Rows that leave figures without a meaning: none at all, one class, one constant prediction."""

import numpy as np
from numpy.typing import NDArray

CONSTANT = 1e-6  # spread of predictions below it is rounding of one number


def is_constant(prediction: NDArray[np.float64]) -> bool:
    """Whether predictions, shape (n,), are one number; none at all are."""
    return prediction.size == 0 or float(np.ptp(prediction)) < CONSTANT


def reason_of(prediction: NDArray[np.float64], label: NDArray[np.float64]) -> str | None:
    """Why figures of scored rows, shape (n,) both, are null or say nothing; None where they are sound."""
    if not prediction.size:
        return "no candle of it could be scored"
    reasons = []
    if is_constant(prediction):
        reasons.append(f"the network predicts the constant {prediction[0]:.4g}")
    if np.ptp(label) == 0:
        reasons.append(f"every label is {label[0]:.4g}")
    return " and ".join(reasons) or None
