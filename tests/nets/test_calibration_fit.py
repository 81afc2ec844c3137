"""Which calibration is kept: none that a few drifting days ask for, and one that 20 days bear out."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.nets.calibration_fit import FITS, PLAIN, fit_calibration, later_gain
from tests.nets.validation import validation

KINDS = sorted(FITS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_days", [1, 2, 3, 4, 5])
def test_few_days_that_drift_are_left_alone(kind, n_days):
    """A right network, and one of cautious logits and no skill: days drift, and networks need not."""
    for slope, size in ((1.0, 0.8), (0.0, 0.1)):
        fits = [fit_calibration(kind, validation(n_days, slope, seed, size=size)) for seed in range(20)]
        assert sum(record["kind"] == kind for record in fits) <= 1
        fresh = validation(100, slope, 99, size=size)
        assert max(fresh.losses(record).mean() for record in fits) - fresh.losses(PLAIN).mean() < 5e-4


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow) if kind == "isotonic" else kind for kind in KINDS]
)
def test_a_right_network_is_mostly_left_alone_however_many_days_there_are(kind):
    """Seldom more often changed than an interval of 95 % is wrong on one side."""
    fits = [fit_calibration(kind, validation(20, 1.0, seed)) for seed in range(20)]
    assert sum(record["kind"] == kind for record in fits) <= 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("slope", [0.0, 0.3, 2.0])
def test_an_unfit_network_is_set_right_by_twenty_days(kind, slope):
    """Overconfident, without skill, or too cautious: fresh days lose less than with the plain sigmoid."""
    record = fit_calibration(kind, validation(20, slope, 1, per_day=400))
    assert record["kind"] == kind
    fresh = validation(100, slope, 2)
    gain = fresh.losses(PLAIN).mean() - fresh.losses(record).mean()
    right = {"kind": "platt", "slope": max(slope, 1e-9), "intercept": 0}
    best = fresh.losses(PLAIN).mean() - fresh.losses(right).mean()
    assert gain > 0.5 * best > 0


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_accuracy_never_moves(slope):
    """On fresh days every call has its side, kept calibration or none."""
    fresh = validation(5, slope, 99)
    for n_days in (3, 20):
        record = fit_calibration("platt", validation(n_days, slope, 4))
        losses = fresh.losses(record)
        np.testing.assert_array_equal(losses < np.log(2), (fresh.logits > 0) == (fresh.labels == 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_strength_off_on_every_day_gets_its_intercept(kind):
    """Its side is nobody's: fresh days are met, which 5 drifting days are not enough for."""
    record = fit_calibration(kind, validation(20, 1.0, 1, shift=-1.0, is_direction=False, shares=True))
    assert record["kind"] == kind
    fresh = validation(100, 1.0, 2, shift=-1.0, is_direction=False, shares=True)
    assert fresh.losses(PLAIN).mean() - fresh.losses(record).mean() > 0.08
    drifting = validation(5, 1.0, 3, drift=0.3, is_direction=False, shares=True)
    assert fit_calibration(kind, drifting)["kind"] == "none"


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_that_keeps_none_says_why(kind):
    """Too few days, the plain sigmoid on all of them, or no gain beyond its interval."""
    assert "of 0 of them" in fit_calibration(kind, validation(2, 0.2))["why"]
    assert "[" in fit_calibration(kind, validation(20, 1.0, 3, size=0.3, drift=0.5))["why"] or kind == "platt"
    assert fit_calibration("none", validation(20, 0.2)) == {"kind": "none"}


def test_later_days_are_judged_by_earlier_ones_alone():
    """By a loop: the gain of each day under a map of the days before it, whose labels had ended."""
    rows = validation(8, 0.3, 7)
    late = np.arange(rows.day.size) % 200 >= 185  # labels of the last rows of a day end on the next
    rows = replace(rows, label_day=rows.day + late)
    gains = {}
    for day in range(8):
        before = [i for i in range(rows.day.size) if rows.label_day[i] < day]
        if len(set(rows.day[before])) >= 2:
            record = FITS["platt"](rows.logits[before], rows.labels[before], rows.day[before], True)
            own = rows.where(rows.day == day)
            gains[day] = (own.losses(PLAIN) - own.losses(record)).mean()
    found = later_gain("platt", rows)
    assert found.days == len(gains) == 6
    assert found.value == pytest.approx(np.mean(list(gains.values())))


@given(seed=st.integers(0, 1000), day=st.integers(2, 5))
def test_a_day_does_not_decide_how_days_before_it_are_judged(seed, day):
    """Other labels from a day on leave the gains before it."""
    rows = validation(6, 0.3, seed, per_day=40)
    labels = np.where(rows.day >= day, 1 - rows.labels, rows.labels)
    before = rows.day < day
    one, other = (
        later_gain("platt", replace(each, labels=values).where(before))
        for each, values in ((rows, rows.labels), (rows, labels))
    )
    assert one == other


@given(kind=st.sampled_from(KINDS), n=st.integers(1, 12), seed=st.integers(0, 100))
def test_any_rows_give_a_record(kind, n, seed):
    """A handful on a handful of days."""
    rows = validation(n, 1.0, seed, per_day=1)
    assert fit_calibration(kind, rows)["kind"] in ("none", kind)
