"""Validation days made up for the tests of calibration: logits, and labels whose days drift."""

import numpy as np

from tapeline.nets.calibration_fit import CalibrationRows


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def validation(
    n_days, slope, seed=0, shift=0.0, drift=0.12, per_day=200, size=0.8, is_direction=True, shares=False
):
    """Rows of `n_days` on which labels are up with sigmoid(slope * logit + shift + the day's drift).

    drift : standard deviation over days: 0.12 moves the share of up by 3 points; size : of the logits
    shares : labels are those probabilities themselves
    """
    rng = np.random.default_rng(seed)
    day = np.repeat(np.arange(n_days), per_day)
    logits = rng.normal(0, size, day.size)
    p = sigmoid(slope * logits + shift + rng.normal(0, drift, n_days)[day])
    labels = p if shares else (rng.random(day.size) < p).astype(float)
    return CalibrationRows(logits, labels, day, day, is_direction)
