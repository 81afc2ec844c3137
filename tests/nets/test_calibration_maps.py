"""What a calibration may do whatever days it is fitted on, and the likeliest line against an oracle."""

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize

from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_fit import FITS
from tapeline.nets.calibration_maps import LEAST_SLOPE, fit_line, platt_map
from tapeline.tiers import is_constant
from tests.nets.validation import sigmoid, validation

GRID = np.concatenate([-np.geomspace(20, 1e-4, 200), np.geomspace(1e-4, 20, 200)])


def said(record):
    """Values of GRID, rising logits around 0."""
    return Calibration(record)(torch.tensor(GRID, dtype=torch.float32)).numpy()


def fitted(kind, rows):
    """The map of rows."""
    return FITS[kind](rows.logits, rows.labels, rows.day, rows.is_direction)


@given(
    kind=st.sampled_from(sorted(FITS)),
    seed=st.integers(0, 2**32 - 1),
    n_days=st.integers(1, 6),
    per_day=st.integers(1, 60),
    slope=st.sampled_from([-3.0, -0.5, 0.0, 0.2, 1.0, 4.0]),
    shift=st.sampled_from([-4.0, 0.0, 0.3, 4.0]),
    size=st.sampled_from([0.01, 0.3, 3.0]),
)
@example(kind="platt", seed=1, n_days=6, per_day=60, slope=-3.0, shift=0.0, size=3.0)
@example(kind="isotonic", seed=1, n_days=6, per_day=60, slope=-3.0, shift=0.0, size=3.0)
def test_the_side_of_a_call_is_always_the_networks(kind, seed, n_days, per_day, slope, shift, size):
    """Up where the logit is above 0, and nowhere else: labels all up, upside down, of one day, as may be."""
    rows = validation(n_days, slope, seed, shift, per_day=per_day, size=size)
    values = said(fitted(kind, rows))
    np.testing.assert_array_equal(values > 0.5, GRID > 0)
    np.testing.assert_array_equal(values < 0.5, GRID < 0)


@given(
    kind=st.sampled_from(sorted(FITS)),
    is_direction=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
    n_days=st.integers(1, 6),
    slope=st.sampled_from([-3.0, 0.0, 0.2, 4.0]),
)
@example(kind="isotonic", is_direction=False, seed=0, n_days=6, slope=-3.0)
def test_a_map_rises_and_says_no_constant(kind, is_direction, seed, n_days, slope):
    """For any validation, also one that it is upside down on: a network without skill is told, not hidden."""
    rows = validation(n_days, slope, seed, is_direction=is_direction)
    record = fitted(kind, rows)
    values = said(record)
    assert (np.diff(values) >= -1e-6).all()
    assert 0 <= values.min() < values.max() <= 1
    assert not is_constant(values)
    if kind == "platt":
        assert record["slope"] >= LEAST_SLOPE


@pytest.mark.parametrize("kind", sorted(FITS))
@pytest.mark.parametrize("is_direction", [True, False])
def test_a_single_day_leaves_the_plain_sigmoid(kind, is_direction):
    """However far from it: a day's drift is no bias of a network."""
    rows = validation(1, 0.2, shift=1.0, per_day=3000, is_direction=is_direction)
    inside = np.abs(GRID) < 1
    np.testing.assert_allclose(said(fitted(kind, rows))[inside], sigmoid(GRID)[inside], atol=0.02)


@pytest.mark.parametrize(
    ("logits", "labels"),
    [(np.full(60, 0.3), np.arange(60) % 2), (np.zeros(60), np.ones(60)), (np.linspace(-1, 1, 60), None)],
    ids=["equal logits", "all zero, all up", "labels that the logits part"],
)
@pytest.mark.parametrize("is_direction", [True, False])
def test_where_no_line_is_likeliest_it_is_the_plain_one(logits, labels, is_direction):
    """Equal logits of equal days, or labels that logits part, say nothing of a slope."""
    labels = (logits > 0).astype(float) if labels is None else labels.astype(float)
    record = platt_map(logits, labels, np.arange(60) // 20, is_direction)
    if is_direction and np.ptp(logits) == 0 and logits[0]:
        assert record["slope"] == LEAST_SLOPE  # of half up at a logit of 0.3 on every day, a half is known
    else:
        assert (record["slope"], record["intercept"]) == (1.0, 0.0)


@pytest.mark.parametrize("size", [0.005, 0.3, 4.0])
@pytest.mark.parametrize("has_shift", [True, False])
@pytest.mark.parametrize("shares", [True, False])
def test_the_line_is_the_likeliest_and_its_error_that_of_leaving_out_a_day(size, has_shift, shares):
    """By scipy's minimiser of the likelihood, on all days and without each."""
    rows = validation(8, 0.3 / size, 3, 0.2, per_day=400, size=size, shares=shares)

    def likeliest(mask):
        def loss(line):
            z = line[0] / size * rows.logits[mask] + 0.1 + (line[1] if has_shift else 0.0)
            return np.mean(np.logaddexp(0, z) - rows.labels[mask] * z)

        found = minimize(loss, [0.1, 0.0][: 1 + has_shift], method="BFGS", tol=1e-9).x
        return found / [size, 1.0][: 1 + has_shift]

    found = fit_line(rows.logits, 0.1, rows.labels, rows.day, has_shift)
    whole = likeliest(np.ones(rows.day.size, dtype=bool))
    assert [each.value for each in found] == pytest.approx(whole, rel=2e-3, abs=1e-4)
    without = np.array([likeliest(rows.day != day) for day in range(8)])
    errors = np.sqrt(7 / 8 * np.sum((without - whole) ** 2, axis=0))
    assert [each.error for each in found] == pytest.approx(errors, rel=0.03)


def test_an_intercept_of_a_strength_is_moved_as_far_as_days_compel():
    """None within its own error; of a shift on every day, to the near end of the interval."""
    drifting = validation(4, 1.0, 5, shift=0.0, drift=0.5, is_direction=False)
    record = platt_map(drifting.logits, drifting.labels, drifting.day, False)
    assert abs(drifting.labels.mean() - 0.5) > 0.02
    assert record["intercept"] == pytest.approx(0.0, abs=1e-6 + abs(record["slope"] - 1) * 0.1)
    steady = validation(20, 1.0, 6, shift=1.0, drift=0.1, is_direction=False)
    record = platt_map(steady.logits, steady.labels, steady.day, False)
    assert 0.85 < record["intercept"] < 1.0
    kept = platt_map(steady.logits, steady.labels, steady.day, True)
    assert kept["intercept"] == 0  # of a direction never: it would turn calls round
