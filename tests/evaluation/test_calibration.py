"""Calibration error and reliability against scikit-learn's curve."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from tapeline.evaluation.calibration import (
    BINS,
    bin_numbers,
    calibration_error_interval,
    confidence_table,
    expected_calibration_error,
    murphy_decomposition,
    reliability_table,
)
from tapeline.evaluation.significance import BlockBootstrap, Intervals


def sample(n=400, seed=0):
    """Probabilities and directions that come true with about them."""
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return probability, (rng.random(n) < probability).astype(float)


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


def test_more_confidence_is_more_often_right_and_bins_add_up():
    """Equal bins of max(p, 1 - p); their means are those of the rows, the interval holds the share."""
    p, y = sample(6000)
    table = confidence_table(pd.Series(p), pd.Series(y), 6, Intervals(np.arange(6000), 0.95))
    assert table["count"].tolist() == [1000] * 6
    assert table["accuracy"].mean() == pytest.approx(((p > 0.5) == y).mean())
    assert (table["accuracy"] - table["confidence"]).abs().max() < 0.05
    assert (table["low"] < table["accuracy"]).all()
    assert (table["accuracy"] < table["high"]).all()


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.integers(2, 20))
def test_the_parts_of_the_brier_score_add_up(rows, bins):
    """For any forecasts: three terms and the two of what varies within a bin (Stephenson et al. 2008)."""
    p, y = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    part = murphy_decomposition(p, y, bins)
    total = part["reliability"] - part["resolution"] + part["uncertainty"]
    total += part["within_bin_variance"] - part["within_bin_covariance"]
    assert total == pytest.approx(np.mean((p - y) ** 2), abs=1e-12)
    assert all(part[name] >= 0 for name in part if name != "within_bin_covariance")


def test_forecasts_that_are_equal_in_a_bin_need_three_parts():
    """By hand: 0.2 comes true half the time, 0.8 always."""
    p, y = np.array([0.2, 0.2, 0.8, 0.8]), np.array([0.0, 1.0, 1.0, 1.0])
    assert murphy_decomposition(p, y, 2) == pytest.approx(
        {
            "reliability": (0.3**2 + 0.2**2) / 2,
            "resolution": 0.25**2,
            "uncertainty": 3 / 16,
            "within_bin_variance": 0.0,
            "within_bin_covariance": 0.0,
        }
    )


def test_bins_of_equal_mass_hold_as_many_rows_each():
    """In the order of the probability, and all rows are in one."""
    p, _ = sample(1003)
    number = bin_numbers(p, 10, "equal_mass")
    assert set(np.bincount(number)) == {100, 101}
    assert (np.diff(number[np.argsort(p)]) >= 0).all()


@pytest.mark.parametrize(
    "kind", [BINS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in BINS[1:])]
)
def test_a_calibration_error_lies_in_its_interval_and_a_real_one_away_from_zero(kind):
    """Off by 0.1 on average: the interval holds that; a perfect forecast's error is near its lower end."""
    p, y = sample(20_000)
    bootstrap = BlockBootstrap(np.arange(20_000), 1, 300, 0.95, 1)
    off = np.clip(p + 0.1, 0, 1)
    low, high = calibration_error_interval(off, y, 10, kind, bootstrap)
    assert low < expected_calibration_error(off, y, 10, kind) < high
    assert low < np.mean(off - p) < high
    low, high = calibration_error_interval(p, y, 10, kind, bootstrap)
    assert expected_calibration_error(p, y, 10, kind) < high < 0.02
