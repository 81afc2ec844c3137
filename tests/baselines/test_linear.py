"""The linear rule against a minimiser that knows the objective alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tapeline.baselines.linear import LinearRule, constant_linear
from tapeline.baselines.linear_fit import fit_linear
from tapeline.baselines.losses import Labelled
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH


def rows(label, n=300, n_features=4, seed=0):
    """Rows whose label hangs on the first two features."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, n_features)).astype(np.float32)
    signal = 1 / (1 + np.exp(-(x[:, 0] - 0.5 * x[:, 1] + 0.3)))
    y = (rng.random(n) < signal).astype(float) if label == DIRECTION else signal * rng.random(n)
    return Labelled(x, y)


def least(label, data, strength):
    """Weights and intercept where C * sum of losses + |w|^2 / 2 is least, the intercept free; by scipy."""
    x = data.x.astype(float)

    def objective(parameters):
        sums = x @ parameters[:-1] + parameters[-1]
        if label == DIRECTION:
            losses = np.logaddexp(0, -np.where(data.y == 1, sums, -sums))
        else:
            losses = (sums - data.y) ** 2 / 2
        return strength * losses.sum() + (parameters[:-1] ** 2).sum() / 2

    return minimize(objective, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-9}).x


@pytest.mark.parametrize("label", LABELS)
@pytest.mark.parametrize("strength", [1e-4, 1e-2, 1.0])
def test_the_rule_is_where_its_objective_is_least(label, strength):
    """By a general minimiser on the same rows, whatever the shrinkage."""
    data = rows(label)
    rule, _, _ = fit_linear(label, data, data, [strength])
    expected = least(label, data, strength)
    np.testing.assert_allclose(rule.weights, expected[:-1], atol=2e-5)
    np.testing.assert_allclose(rule.intercept, expected[-1], atol=2e-5)


@pytest.mark.parametrize("label", LABELS)
def test_the_strength_is_that_of_the_least_loss_on_validation(label):
    """By hand over the grid; training rows alone would choose the weakest shrinkage."""
    train, validation = rows(label, n=40, n_features=20, seed=1), rows(label, n=400, n_features=20, seed=2)
    strengths = [1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0]
    rule, grid, best = fit_linear(label, train, validation, strengths)
    losses = []
    for strength in strengths:
        sums = validation.x @ (parameters := least(label, train, strength))[:-1] + parameters[-1]
        if label == DIRECTION:
            losses.append(np.logaddexp(0, -np.where(validation.y == 1, sums, -sums)).mean())
        else:
            losses.append(((np.clip(sums, 0, 1) - validation.y) ** 2).mean())
    assert [fit["strength"] for fit in grid] == strengths
    np.testing.assert_allclose([fit["validation_loss"] for fit in grid], losses, atol=2e-4)
    assert best == int(np.argmin(losses)) not in (0, len(strengths) - 1)
    expected = fit_linear(label, train, validation, [strengths[best]])[0]
    assert np.array_equal(rule.weights, expected.weights)


@settings(max_examples=20)
@given(n=st.integers(1, 60), at=st.integers(0, 59), seed=st.integers(0, 99))
def test_what_is_said_of_a_row_hangs_on_no_other_to_the_last_bit(n, at, seed):
    """Alone or among others, wherever it stands."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 101)).astype(np.float32)
    for label in LABELS:
        rule = LinearRule(label, rng.normal(size=101).astype(np.float32), np.zeros(1, np.float32))
        row = at % n
        assert rule.predict(x)[row] == rule.predict(x[row : row + 1])[0]


def test_a_strength_stays_within_its_range_and_a_constant_is_said_of_every_row():
    """Cut at 0 and 1; a probability given back as it was."""
    rule = LinearRule(TREND_STRENGTH, np.ones(1, np.float32), np.zeros(1, np.float32))
    assert rule.predict(np.array([[-3], [0.25], [9]], np.float32)).tolist() == [0, 0.25, 1]
    for label in LABELS:
        said = constant_linear(label, 0.2, 3).predict(np.ones((2, 3), np.float32))
        np.testing.assert_allclose(said, 0.2, rtol=1e-6)
