"""Controls: fitted on training rows alone, and what each of them says."""

import numpy as np
import pytest

from tapeline.evaluation.controls import direction_controls, trend_controls
from tapeline.evaluation.direction import hits


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
    steady = direction_controls(x[train], y[train], y[train], x[test], y[test], 1)["last_return"]
    went_on = direction_controls(
        x[train], y[train], np.where(x[train][:, 1] > -1, y[train], 1 - y[train]), x[test], y[test], 1
    )
    assert set(steady) == {0.0, 1.0}  # on training rows the past always went on
    share = (x[train][:, 1] > -1).mean()
    np.testing.assert_allclose(went_on["last_return"][y[test] == 1], share)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 40])
def test_a_training_of_one_class_teaches_that_class(label, n, recwarn):
    """No control ends the run, warns or answers with NaN."""
    x, past = np.random.default_rng(0).normal(size=(n, 2)), np.full(n, np.nan)
    for fit in (direction_controls, trend_controls):
        found = fit(x, np.full(n, label), past, x, past, 1)
        assert all(np.isfinite(values).all() for values in found.values())
    assert (direction_controls(x, np.full(n, label), past, x, past, 1)["gradient_boosting"] == label).all()
    assert not recwarn.list


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
