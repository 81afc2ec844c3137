"""Rules that learn nothing but a share or a mean of the training rows: what each of them says."""

import numpy as np
import pytest

from tapeline.evaluation.controls import Learned, direction_rules, trend_rules


def test_direction_rules():
    """The past goes on, or turns, as sure as it did on training rows; the majority is their share of up."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400).astype(float)
    past, test_past = (np.where(np.arange(n) % 7 == 0, np.nan, rng.integers(0, 2, n)) for n in (400, 200))
    found = direction_rules(Learned.of(y, past), test_past)
    known = ~np.isnan(test_past)
    assert ((found["last_return"] > 0.5) == (test_past == 1))[known].all()
    assert (found["last_return"][~known] == 0.5).all()
    np.testing.assert_allclose(found["reversal"], 1 - found["last_return"])
    assert (found["majority"] == y.mean()).all()
    steady = direction_rules(Learned.of(y, y), test_past[known])["last_return"]
    assert set(steady) == {0.0, 1.0}  # on training rows the past always went on
    mostly = np.where(np.arange(400) < 300, y, 1 - y)
    np.testing.assert_allclose(direction_rules(Learned.of(y, mostly), np.ones(3))["last_return"], 0.75)


@pytest.mark.parametrize("label", [0.0, 1.0])
@pytest.mark.parametrize("n", [1, 40])
def test_a_training_of_one_class_teaches_that_class(label, n, recwarn):
    """No rule ends the run, warns or answers with NaN."""
    past = np.full(n, np.nan)
    for rules in (direction_rules, trend_rules):
        found = rules(Learned.of(np.full(n, label), past), past)
        assert all(np.isfinite(values).all() for values in found.values())
    assert not recwarn.list


def test_trend_rules():
    """Persistence repeats the past strength, the mean where there is none."""
    y = np.random.default_rng(0).random(400)
    past = np.where(np.arange(200) % 5 == 0, np.nan, y[:200])
    found = trend_rules(Learned.of(y, y), past)
    known = ~np.isnan(past)
    np.testing.assert_array_equal(found["persistence"][known], past[known])
    assert (found["persistence"][~known] == y.mean()).all()
    assert (found["mean"] == y.mean()).all()
