"""How good probabilities of a direction are. A probability of one half counts as up."""

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from tapeline.losses import log_loss


def hits(probability: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """1.0 where the likelier direction came true, else 0.0; shape (n,)."""
    is_hit: NDArray[np.bool_] = (probability >= 0.5) == (direction == 1)
    return is_hit.astype(np.float64)


def score_direction(
    probability: NDArray[np.float64], direction: NDArray[np.float64]
) -> dict[str, float | None]:
    """Score probabilities of up, shape (n,), against directions 0.0 or 1.0.

    Returns accuracy, balanced accuracy, Matthews' correlation, ROC AUC, log loss, Brier score and its skill
    against always forecasting the rows' own share of up. What has no meaning where one direction never came,
    or was never called, is None. Raises ValueError on NaN or nothing to score.
    """
    if probability.size == 0 or np.isnan(probability).any() or np.isnan(direction).any():
        raise ValueError(f"{probability.size} probabilities: must be at least one, and none NaN")
    has_both = np.unique(direction).size == 2
    called_up = probability >= 0.5
    brier = float(metrics.brier_score_loss(direction, probability, pos_label=1.0))
    can_correlate = has_both and np.unique(called_up).size == 2
    recalls = [np.mean(called_up[direction == side] == side) for side in np.unique(direction)]
    return {
        "accuracy": float(hits(probability, direction).mean()),
        "balanced_accuracy": float(np.mean(recalls)),
        "mcc": float(metrics.matthews_corrcoef(direction, called_up)) if can_correlate else None,
        "roc_auc": float(metrics.roc_auc_score(direction, probability)) if has_both else None,
        "log_loss": log_loss(probability, direction),
        "brier": brier,
        "brier_skill": 1 - brier / float(direction.var()) if has_both else None,
    }
