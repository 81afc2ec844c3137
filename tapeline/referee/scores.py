"""Scores of predictions by their definitions: counts, sums and ranks, without the run's own library."""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from tapeline.referee.candles import FloatArray

Score = float | None
EDGE = 1e-12  # a probability nearer to 0 or 1 is taken as this far from it


def direction_scores(p: FloatArray, label: FloatArray, bins: int) -> dict[str, Score]:
    """Scores of probabilities of up, (n,), at least one; None where one side never came, or was never called.

    bins : of equal width, of the calibration error. One half counts as up.
    """
    is_up, called = label == 1, p >= 0.5
    n, n_up = p.size, int(is_up.sum())
    n_down = n - n_up
    brier = float(np.mean((p - label) ** 2))
    right_up, right_down = int((called & is_up).sum()), int((~called & ~is_up).sum())
    recalls = [right / of for right, of in ((right_up, n_up), (right_down, n_down)) if of]
    has_both = bool(n_up and n_down)
    return {
        "accuracy_all": (right_up + right_down) / n,
        "balanced_accuracy": sum(recalls) / len(recalls),
        "mcc": _correlation_of_calls(right_up, right_down, n_up, n_down),
        "roc_auc": _area(p, is_up) if has_both else None,
        "log_loss": log_loss(p, label),
        "brier": brier,
        "brier_skill": 1 - brier / (n_up * n_down / n**2) if has_both else None,
        "ece": _calibration_error(p, label, bins),
    }


def log_loss(p: FloatArray, label: FloatArray) -> float:
    """Mean log loss of probabilities (n,) and labels in 0..1; the edges 0 and 1 are taken as EDGE off."""
    inner = np.clip(p, EDGE, 1 - EDGE)
    return float(-(label * np.log(inner) + (1 - label) * np.log1p(-inner)).mean())


def trend_scores(predicted: FloatArray, actual: FloatArray) -> dict[str, Score]:
    """Scores of strengths, (n,), at least one; None where a column does not vary."""
    off = predicted - actual
    varies = np.ptp(actual) > 0
    ranks = None
    if varies and np.ptp(predicted) > 0:
        ranks = float(np.corrcoef(rankdata(predicted), rankdata(actual))[0, 1])
    return {
        "mae": float(np.abs(off).mean()),
        "rmse": math.sqrt(float((off**2).mean())),
        "r2": 1 - float((off**2).sum() / ((actual - actual.mean()) ** 2).sum()) if varies else None,
        "rank_correlation": ranks,
    }


def _correlation_of_calls(right_up: int, right_down: int, n_up: int, n_down: int) -> Score:
    called_up = right_up + n_down - right_down
    called_down = n_up + n_down - called_up
    if not n_up * n_down * called_up * called_down:
        return None
    agreed = right_up * right_down - (n_down - right_down) * (n_up - right_up)
    return agreed / math.sqrt(n_up * n_down * called_up * called_down)


def _area(p: FloatArray, is_up: NDArray[np.bool_]) -> float:
    """Share of pairs of an up and a down in which the up was given more; equal ones count half."""
    n_up = int(is_up.sum())
    above = float(rankdata(p)[is_up].sum()) - n_up * (n_up + 1) / 2
    return above / (n_up * (p.size - n_up))


def _calibration_error(p: FloatArray, label: FloatArray, bins: int) -> float:
    number = np.minimum(np.floor(p * bins).astype(np.int64), bins - 1)
    return sum(abs(float((label - p)[number == k].sum())) for k in np.unique(number)) / p.size
