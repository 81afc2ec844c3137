"""Calibration: what it says comes true as often, whatever the network's own scale."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from tapeline.nets.calibration import Calibration, fit_calibration


def overconfident(n=40_000, seed=0):
    """Logits three times too large and shifted, and the labels behind them."""
    rng = np.random.default_rng(seed)
    true = rng.normal(size=n)
    return 3 * true + 1, (rng.random(n) < 1 / (1 + np.exp(-true))).astype(float), 1 / (1 + np.exp(-true))


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_an_overconfident_network_is_set_right(kind):
    """Calibrated values are the true probabilities, on rows that were not fitted on."""
    logits, labels, _ = overconfident()
    record = fit_calibration(kind, logits, labels)
    fresh, fresh_labels, probability = overconfident(seed=1)
    found = Calibration(record)(torch.tensor(fresh, dtype=torch.float32)).numpy()
    assert np.abs(found - probability).mean() < 0.01
    observed, predicted = calibration_curve(fresh_labels, found, n_bins=10, strategy="quantile")
    assert np.abs(observed - predicted).max() < 0.03


def test_platts_line_is_the_one_that_maximises_likelihood():
    """No slope or intercept nearby has a lower log loss; labels may be shares."""
    logits, _, probability = overconfident(n=2000)
    record = fit_calibration("platt", logits, probability)

    def loss(slope, intercept):
        p = 1 / (1 + np.exp(-(slope * logits + intercept)))
        return -np.mean(probability * np.log(p) + (1 - probability) * np.log(1 - p))

    best = loss(record["slope"], record["intercept"])
    for step in (-0.01, 0.01):
        assert loss(record["slope"] + step, record["intercept"]) > best
        assert loss(record["slope"], record["intercept"] + step) > best
    assert record["slope"] == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(("middle", "spread"), [(0.0, 0.005), (0.0, 0.01), (-1.2, 0.05), (3.0, 4.0)])
@pytest.mark.parametrize("labels_are", ["classes", "shares"])
def test_platts_line_is_found_for_cautious_networks_too(middle, spread, labels_are):
    """Where the likelihood is highest by Newton's method, however little the logits vary, and around what."""
    rng = np.random.default_rng(3)
    z = rng.normal(size=5000)
    labels = 1 / (1 + np.exp(-(0.3 * z - 0.2)))
    if labels_are == "classes":
        labels = (rng.random(5000) < labels).astype(float)
    logits = middle + spread * z
    record, line = fit_calibration("platt", logits, labels), np.zeros(2)
    columns = np.column_stack([z, np.ones(5000)])
    for _ in range(20):
        p = 1 / (1 + np.exp(-columns @ line))
        line += np.linalg.solve((columns * (p * (1 - p))[:, None]).T @ columns, columns.T @ (labels - p))
    assert record["slope"] == pytest.approx(line[0] / spread, rel=1e-3)
    assert record["intercept"] + record["slope"] * middle == pytest.approx(line[1], abs=1e-3)


def test_equal_logits_get_the_mean_of_all_their_labels():
    """Not of the first rows that have them: one value, or two."""
    rng = np.random.default_rng(4)
    labels = (np.arange(5000) > 2000).astype(float)
    level = fit_calibration("isotonic", np.full(5000, 0.3), labels)
    assert level["calibrated"] == pytest.approx([labels.mean()])
    logits = np.where(rng.random(5000) < 0.5, -1.0, 1.0)
    labels = (rng.random(5000) < np.where(logits > 0, 0.6, 0.4)).astype(float)
    found = Calibration(fit_calibration("isotonic", logits, labels))(torch.tensor([-1.0, 1.0])).numpy()
    np.testing.assert_allclose(found, [labels[logits < 0].mean(), labels[logits > 0].mean()], atol=0.01)


@given(seed=st.integers(0, 50), kind=st.sampled_from(["platt", "isotonic", "none"]), n=st.integers(1, 300))
def test_a_calibration_never_turns_the_order_round(seed, kind, n):
    """Values stay in 0..1 and do not fall as the logit rises, for any validation."""
    rng = np.random.default_rng(seed)
    record = fit_calibration(kind, rng.normal(size=n) * 4, (rng.random(n) < 0.4).astype(float))
    found = Calibration(record)(torch.linspace(-30, 30, 500)).numpy()
    assert (np.diff(found) >= -1e-6).all()
    assert found.min() >= 0
    assert found.max() <= 1


def test_the_isotonic_map_is_scikit_learns_on_the_bins():
    """Between and beyond the knots it predicts what IsotonicRegression does."""
    logits, labels, _ = overconfident(n=5000)
    record = fit_calibration("isotonic", logits, labels)
    oracle = IsotonicRegression(out_of_bounds="clip").fit(record["raw"], record["calibrated"])
    fresh = np.linspace(-12, 12, 999)
    found = Calibration(record)(torch.tensor(fresh, dtype=torch.float32)).numpy()
    np.testing.assert_allclose(found, oracle.predict(1 / (1 + np.exp(-fresh))), atol=1e-5)


def test_without_skill_the_mean_label_is_said():
    """Where labels fall as the logit rises, Platt's line is level: a network is never read upside down."""
    logits, labels, _ = overconfident(n=2000)
    record = fit_calibration("platt", -logits, labels)
    found = Calibration(record)(torch.tensor([-3.0, 3.0])).numpy()
    np.testing.assert_allclose(found, labels.mean(), atol=1e-6)
