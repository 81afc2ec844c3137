"""Rows that leave figures without a meaning: none at all, one class, one constant prediction."""

import numpy as np
from numpy.typing import NDArray

from tapeline.tiers import is_constant


def reason_of(prediction: NDArray[np.float64], label: NDArray[np.float64]) -> str | None:
    """Why figures of scored rows, shape (n,) both, are null or say nothing; None where they are sound."""
    if not prediction.size:
        return "no candle of it could be scored"
    reasons = []
    if is_constant(prediction):
        reasons.append(f"the model predicts the constant {prediction[0]:.4g}")
    if np.ptp(label) == 0:
        reasons.append(f"every label is {label[0]:.4g}")
    return " and ".join(reasons) or None
