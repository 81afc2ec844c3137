"""Calibration: the value that a record gives a logit, in single precision."""

import numpy as np
import pytest
import torch
from sklearn.isotonic import IsotonicRegression

from tapeline.nets.calibration import Calibration
from tests.nets.validation import sigmoid

LOGITS = np.linspace(-12, 12, 999)


def said(record):
    """Values of LOGITS."""
    return Calibration(record)(torch.tensor(LOGITS, dtype=torch.float32)).numpy()


def test_without_a_calibration_it_is_the_sigmoid():
    """Whatever else the record tells."""
    np.testing.assert_allclose(said({"kind": "none", "why": "told"}), sigmoid(LOGITS), atol=1e-6)


def test_platts_line_is_put_through_the_sigmoid():
    """Slope times logit and intercept."""
    expected = sigmoid(0.4 * LOGITS + 0.3)
    np.testing.assert_allclose(said({"kind": "platt", "slope": 0.4, "intercept": 0.3}), expected, atol=1e-6)


@pytest.mark.parametrize("n", [1, 2, 40])
def test_the_isotonic_map_is_a_line_through_its_knots(n):
    """Between and beyond them it predicts what scikit-learn's IsotonicRegression does."""
    rng = np.random.default_rng(n)
    raw, calibrated = (np.sort(rng.uniform(0.05, 0.95, n)) for _ in range(2))
    oracle = IsotonicRegression(out_of_bounds="clip").fit(raw, calibrated)
    record = {"kind": "isotonic", "raw": raw.tolist(), "calibrated": calibrated.tolist()}
    np.testing.assert_allclose(said(record), oracle.predict(sigmoid(LOGITS)), atol=1e-5)


def test_a_symmetric_isotonic_map_is_the_same_for_both_sides():
    """Its knots are of confidence: what it says of a fall is 1 less what it says of as sure a rise."""
    record = {
        "kind": "isotonic",
        "raw": [0.5, 0.7, 0.9],
        "calibrated": [0.5, 0.55, 0.8],
        "is_symmetric": True,
    }
    raw = sigmoid(LOGITS)
    rise = np.interp(np.maximum(raw, 1 - raw), record["raw"], record["calibrated"])
    np.testing.assert_allclose(said(record), np.where(LOGITS > 0, rise, 1 - rise), atol=1e-6)
