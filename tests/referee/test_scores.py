"""Scores by their definitions, against the library that the run uses: two ways to the same number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from tapeline.referee.scores import direction_scores, trend_scores

SIZES, SEEDS = st.integers(1, 60), st.integers(0, 2**32 - 1)


@given(n=SIZES, seed=SEEDS, steps=st.sampled_from([4, 1000]))
def test_scores_of_a_direction_are_the_librarys(n, seed, steps):
    """With equal probabilities too, and where a side is missing."""
    rng = np.random.default_rng(seed)
    p, label = rng.integers(0, steps + 1, n) / steps, rng.integers(0, 2, n).astype(np.float64)
    found, called = direction_scores(p, label, 5), p >= 0.5
    both = len(set(label)) == 2
    assert found["accuracy_all"] == pytest.approx(metrics.accuracy_score(label == 1, called))
    assert found["brier"] == pytest.approx(np.mean((p - label) ** 2))
    assert found["log_loss"] == pytest.approx(
        metrics.log_loss(label, np.clip(p, 1e-12, 1 - 1e-12), labels=[0, 1])
    )
    recalls = [np.mean(called[label == side] == side) for side in set(label)]
    assert found["balanced_accuracy"] == pytest.approx(np.mean(recalls))
    if not both:
        assert found["roc_auc"] is found["mcc"] is found["brier_skill"] is None
        return
    assert found["roc_auc"] == pytest.approx(metrics.roc_auc_score(label, p))
    if len(set(called)) == 2:
        assert found["mcc"] == pytest.approx(metrics.matthews_corrcoef(label == 1, called))
    constant = np.full(n, label.mean())
    assert found["brier_skill"] == pytest.approx(1 - found["brier"] / np.mean((constant - label) ** 2))


def test_the_calibration_error_is_that_of_bins_by_hand():
    """Bins [0, 0.5) and [0.5, 1]: 0.2 and 0.4 came true once in two, 0.5 and 1 twice."""
    found = direction_scores(np.array([0.2, 0.4, 0.5, 1.0]), np.array([1.0, 0.0, 1.0, 1.0]), 2)
    assert found["ece"] == pytest.approx((abs(1 - 0.6) + abs(2 - 1.5)) / 4)


@given(n=SIZES, seed=SEEDS)
def test_scores_of_strengths_are_the_librarys(n, seed):
    """None where nothing varies."""
    rng = np.random.default_rng(seed)
    predicted, actual = rng.integers(0, 9, n) / 8, rng.integers(0, 9, n) / 8
    found = trend_scores(predicted, actual)
    assert found["mae"] == pytest.approx(metrics.mean_absolute_error(actual, predicted))
    assert found["rmse"] == pytest.approx(metrics.root_mean_squared_error(actual, predicted))
    if np.ptp(actual) == 0:
        assert found["r2"] is found["rank_correlation"] is None
        return
    assert found["r2"] == pytest.approx(metrics.r2_score(actual, predicted))
    if np.ptp(predicted):
        assert found["rank_correlation"] == pytest.approx(stats.spearmanr(actual, predicted).statistic)
