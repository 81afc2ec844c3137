"""Intervals whose unit is a time, not a row: against loops, and the estimator that the run uses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.evaluation.significance import Intervals
from tapeline.referee.intervals import Times
from tests.referee.hand_intervals import ends_of_days, ends_of_rows

SEEDS = st.integers(0, 2**32 - 1)


@given(n=st.integers(2, 60), n_times=st.integers(2, 40), seed=SEEDS, level=st.sampled_from([0.8, 0.95]))
def test_an_interval_is_that_of_loops_and_of_the_run(n, n_times, seed, level):
    """In any order of rows, several of a time, times left out."""
    rng = np.random.default_rng(seed)
    time, values = rng.integers(0, n_times, n), rng.normal(0, 1, n)
    time[:2] = 0, 1
    low, high = Times(time, level).interval(values)
    assert (low, high) == pytest.approx(ends_of_rows(values.tolist(), time.tolist(), level), rel=1e-9)
    assert (low, high) == pytest.approx(Intervals(time, level).interval_of_mean(values), rel=1e-9, abs=1e-12)


@given(n=st.integers(2, 40), seed=SEEDS)
def test_the_interval_of_lopsided_days_is_that_of_loops_and_of_the_run(n, seed):
    """Many small losses and a few large gains."""
    made = np.random.default_rng(seed).exponential(1, n) ** 2 - 1
    ends = Times(np.arange(n), 0.95).skewed_interval(made)
    assert [end * n for end in ends] == pytest.approx(ends_of_days(made.tolist(), 0.95), rel=1e-6, abs=1e-6)
    of_run = Intervals(np.arange(n), 0.95, is_skewed=True).interval_of_mean(made)
    assert ends == pytest.approx(of_run, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(("time", "values"), [([5, 5, 5], [0, 1, 1]), ([1, 2, 3], [0.1, 0.1, 0.1])])
def test_one_time_or_equal_values_tell_nothing_of_chance(time, values):
    """None, as far as rounding."""
    times = Times(np.array(time), 0.95)
    assert times.interval(np.array(values, float)) == (None, None)
    assert times.skewed_interval(np.array(values, float)) == (None, None)


def test_rows_that_go_together_are_worth_one():
    """Twenty copies of each time's row make the interval no narrower."""
    rng = np.random.default_rng(1)
    time, values = np.arange(50), rng.normal(0, 1, 50)
    once = Times(time, 0.95).interval(values)
    assert Times(np.repeat(time, 20), 0.95).interval(np.repeat(values, 20)) == pytest.approx(once)
