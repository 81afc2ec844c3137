"""Direction scores against scikit-learn; nothing is scored in silence where it has no meaning."""

import numpy as np
import pytest
from sklearn import metrics

from tapeline.evaluation.direction import score_direction
from tapeline.evaluation.trend import score_trend


def sample(n=400, seed=0):
    """Probabilities and directions that come true with about them."""
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return probability, (rng.random(n) < probability).astype(float)


def test_scores_equal_scikit_learns():
    """Each score by its library's name for it."""
    p, y = sample()
    scores = score_direction(p, y)
    assert scores["accuracy"] == metrics.accuracy_score(y, p >= 0.5)
    assert scores["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(y, p >= 0.5))
    assert scores["roc_auc"] == metrics.roc_auc_score(y, p)
    assert scores["log_loss"] == pytest.approx(-np.mean(np.log(np.where(y == 1, p, 1 - p))))
    assert scores["brier"] == pytest.approx(np.mean((p - y) ** 2))
    assert scores["mcc"] == metrics.matthews_corrcoef(y, p >= 0.5)
    assert scores["brier_skill"] == pytest.approx(1 - np.mean((p - y) ** 2) / np.mean((y.mean() - y) ** 2))
    assert score_direction(np.full(4, 0.5), np.array([1.0, 1, 0, 0]))["brier"] == 0.25


def test_one_sided_and_broken_input():
    """AUC, correlation and skill need both directions; NaN or nothing is an error, not a zero."""
    one_sided = score_direction(np.array([0.4, 0.9]), np.ones(2))
    assert [one_sided[name] for name in ("roc_auc", "mcc", "brier_skill")] == [None] * 3
    assert score_direction(np.array([0.6, 0.9]), np.array([0.0, 1.0]))["mcc"] is None
    for p, y in (
        (np.array([np.nan]), np.ones(1)),
        (np.ones(1), np.array([np.nan])),
        (np.ones(0), np.ones(0)),
    ):
        with pytest.raises(ValueError, match="must be at least one, and none NaN"):
            score_direction(p, y)
        with pytest.raises(ValueError, match="must be at least one, and none NaN"):
            score_trend(p, y)
