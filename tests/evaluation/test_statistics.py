"""Scores against scikit-learn and by hand; nothing is scored in silence where it has no meaning."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.calibration import calibration_curve

from tapeline.evaluation.calibration import expected_calibration_error, reliability_table
from tapeline.evaluation.controls import direction_controls, trend_controls
from tapeline.evaluation.direction import hits, score_direction
from tapeline.evaluation.latency import LatencyParams, time_calls
from tapeline.evaluation.params import EvaluationParams
from tapeline.evaluation.significance import BlockBootstrap
from tapeline.evaluation.tiers import score_tiers
from tapeline.evaluation.trend import score_trend

PARAMS = EvaluationParams(level=0.95, block=10, resamples=500, bins=10, control_stride=1, seed=3)


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
    assert score_direction(np.full(4, 0.5), np.array([1.0, 1, 0, 0]))["brier"] == 0.25


def test_one_sided_and_broken_input():
    """AUC is undefined with one direction; NaN or nothing is an error, not a zero."""
    assert score_direction(np.array([0.4, 0.9]), np.ones(2))["roc_auc"] is None
    for p, y in (
        (np.array([np.nan]), np.ones(1)),
        (np.ones(1), np.array([np.nan])),
        (np.ones(0), np.ones(0)),
    ):
        with pytest.raises(ValueError, match="must be at least one, and none NaN"):
            score_direction(p, y)
        with pytest.raises(ValueError, match="must be at least one, and none NaN"):
            score_trend(p, y)


def test_calibration_error_and_curve_equal_scikit_learns_bins():
    """Equal-width ECE from scikit-learn's curve and counts; equal-mass points from its quantile strategy."""
    p, y = sample(5000)
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="uniform")
    weight = np.histogram(p, bins=10, range=(0, 1))[0] / p.size
    assert expected_calibration_error(p, y, 10) == pytest.approx(
        np.sum(weight * np.abs(observed - predicted))
    )
    table = reliability_table(pd.Series(p), pd.Series(y), 10)
    observed, predicted = calibration_curve(y, p, n_bins=10, strategy="quantile")
    np.testing.assert_allclose(table["observed"], observed, atol=0.005)
    np.testing.assert_allclose(table["mean_probability"], predicted, atol=0.005)
    assert table["count"].sum() == 5000
    assert ((table["low"] < table["observed"]) & (table["observed"] < table["high"])).all()


def test_tiers_by_hand():
    """Half-open tiers, the last closed; precision within, recall and coverage over all rows."""
    p = np.array([1.0, 0.7, 0.3, 0.65, 0.52, 0.1])
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    tiers = {"A": (0.7, 1.0), "B": (0.6, 0.7)}
    table = score_tiers(p, y, tiers, BlockBootstrap(np.arange(6), PARAMS))
    assert (table["A"]["rows"], table["A"]["precision"]) == (4, 0.5)
    assert table["A"]["recall"] == pytest.approx(2 / 6)
    assert (table["B"]["rows"], table["B"]["precision"], table["B"]["coverage"]) == (
        1,
        1.0,
        pytest.approx(1 / 6),
    )
    nothing = score_tiers(p, y, {"X": (0.9999, 0.99995)}, BlockBootstrap(np.arange(6), PARAMS))["X"]
    assert (nothing["rows"], nothing["precision"], nothing["precision_low"]) == (0, None, None)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=30))
def test_trend_scores_by_definition(values):
    """MAE and R2 from their definitions; a constant column has no correlation."""
    actual = np.array(values)
    predicted = actual[::-1].copy()
    scores = score_trend(predicted, actual)
    assert scores["mae"] == pytest.approx(np.mean(np.abs(predicted - actual)))
    if np.ptp(actual) == 0:
        assert scores["rank_correlation"] is None
    elif actual.var() > 1e-12:
        ranks = [pd.Series(x).rank() for x in (predicted, actual)]
        assert scores["rank_correlation"] == pytest.approx(ranks[0].corr(ranks[1]), abs=1e-9)
        assert scores["r2"] == pytest.approx(1 - np.mean((predicted - actual) ** 2) / actual.var(), rel=1e-6)


def test_intervals_cover_the_truth_though_rows_depend_on_each_other():
    """On means of 15 noises about 95 % of intervals hold the truth; those of single rows far fewer."""
    covered = {15 * 4: 0, 1: 0}
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=3014)
        values = np.convolve(noise, np.ones(15) / 15, mode="valid")
        for block in covered:
            params = EvaluationParams(**PARAMS.model_dump() | {"block": block, "resamples": 200})
            low, high = BlockBootstrap(np.arange(3000), params).interval_of_mean(values)
            covered[block] += low < 0 < high
    assert 0.88 <= covered[60] / 200 <= 0.99
    assert covered[1] / 200 < 0.6


def test_rows_of_one_bar_are_drawn_together():
    """A second symbol that moves alike leaves the interval as it was, whatever the order."""
    values = np.random.default_rng(1).normal(size=300)
    once = BlockBootstrap(np.arange(300), PARAMS).interval_of_mean(values)
    order = np.random.default_rng(2).permutation(600)
    twice = BlockBootstrap(np.tile(np.arange(300), 2)[order], PARAMS)
    assert twice.interval_of_mean(np.tile(values, 2)[order]) == pytest.approx(once)


def test_a_resample_has_as_many_rows_as_there_are():
    """With one row a bar the mean of ones is one in every resample, and sums of rows are whole draws."""
    for n in (7, 95, 1000):
        bootstrap = BlockBootstrap(np.arange(n), PARAMS)
        assert set(bootstrap._resample(np.ones(n))) == {float(n)}


def test_a_paired_difference_is_narrower_than_two_means():
    """Pairing removes what both have in common; a wider level gives a wider interval."""
    rng = np.random.default_rng(4)
    common = rng.normal(size=500)
    bootstrap = BlockBootstrap(np.arange(500), PARAMS)
    low, high = bootstrap.interval_of_difference(common + 0.1, common + rng.normal(0, 0.01, 500))
    assert 0.09 < low < high < 0.11
    wide = bootstrap.interval_of_mean(common, level=0.999)
    narrow = bootstrap.interval_of_mean(common)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_controls_know_training_rows_alone_and_repeat():
    """Other test rows change nothing; the strong ones find a signal, the past ones repeat the past."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(600, 3))
    y = (x[:, 0] + rng.normal(0, 0.3, 600) > 0).astype(float)
    past = np.where(np.arange(600) % 7 == 0, np.nan, rng.integers(0, 2, 600).astype(float))
    train, test = slice(0, 400), slice(400, 600)
    found = direction_controls(x[train], y[train], past[train], x[test], past[test], 1)
    fewer = direction_controls(x[train], y[train], past[train], x[400:410], past[400:410], 1)
    for name, values in found.items():
        np.testing.assert_array_equal(values[:10], fewer[name])
    for name in ("logistic_regression", "gradient_boosting"):
        assert hits(found[name], y[test]).mean() > 0.85
    known = ~np.isnan(past[test])
    assert ((found["last_return"] > 0.5) == (past[test] == 1))[known].all()
    assert (found["last_return"][~known] == 0.5).all()
    np.testing.assert_allclose(found["reversal"], 1 - found["last_return"])
    assert (found["majority"] == y[train].mean()).all()


def test_trend_controls():
    """Persistence repeats the past strength, the mean where there is none; boosting beats the mean."""
    rng = np.random.default_rng(0)
    x = rng.random((600, 2))
    y = np.clip(x[:, 0] + rng.normal(0, 0.05, 600), 0, 1)
    past = np.where(np.arange(600) % 5 == 0, np.nan, y[::-1])
    found = trend_controls(x[:400], y[:400], past[:400], x[400:], past[400:], 1)
    known = ~np.isnan(past[400:])
    np.testing.assert_array_equal(found["persistence"][known], past[400:][known])
    assert (found["persistence"][~known] == y[:400].mean()).all()
    errors = {name: np.abs(values - y[400:]).mean() for name, values in found.items()}
    assert errors["gradient_boosting"] < 0.3 * errors["mean"]


def test_latency_times_single_calls():
    """Every input is called in turn after the warm-up, and percentiles are in order."""
    seen = []
    timed = time_calls(seen.append, [1, 2, 3], LatencyParams(warm_up=2, repeats=4))
    assert seen == [1, 2, 1, 2, 3, 1]
    assert 0 < timed["p50_ms"] <= timed["p95_ms"] <= timed["p99_ms"] < 1000
