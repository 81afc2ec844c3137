"""Calibration error and reliability against scikit-learn's curve."""

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import calibration_curve

from tapeline.evaluation.calibration import (
    confidence_table,
    expected_calibration_error,
    reliability_table,
)
from tapeline.evaluation.significance import BlockBootstrap


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
    bootstrap = BlockBootstrap(np.arange(6000), 1, 300, 0.95, 1)
    table = confidence_table(pd.Series(p), pd.Series(y), 6, bootstrap)
    assert table["count"].tolist() == [1000] * 6
    assert table["accuracy"].mean() == pytest.approx(((p > 0.5) == y).mean())
    assert (table["accuracy"] - table["confidence"]).abs().max() < 0.05
    assert (table["low"] < table["accuracy"]).all()
    assert (table["accuracy"] < table["high"]).all()
