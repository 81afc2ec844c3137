"""Chance by days: the jackknife over them against its formulas written out, and what it covers."""

import numpy as np
import pytest
from scipy import stats

from tapeline.nets.days import Estimate, mean_over_days


def test_days_of_equal_size_give_the_t_interval_of_their_means():
    """As scipy has it of five numbers, however many rows a day has and however alike these are."""
    means = np.array([0.3, -0.1, 0.4, 0.2, 0.0])
    values, day = np.repeat(means, 50), np.repeat([7, 8, 9, 12, 13], 50)
    expected = stats.t.interval(0.95, 4, means.mean(), stats.sem(means))
    assert mean_over_days(values, day).ends == pytest.approx(expected)


def test_days_of_unlike_size_count_by_their_rows():
    """The mean is that of rows; its error that of leaving out each day, row by row."""
    rng = np.random.default_rng(0)
    day = np.repeat([0, 1, 2], [5, 40, 17])
    values = rng.normal(size=day.size)
    without = np.array([values[day != d].mean() for d in range(3)])
    found = mean_over_days(values, day)
    assert found.value == pytest.approx(values.mean())
    assert found.error == pytest.approx(np.sqrt(2 / 3 * ((without - values.mean()) ** 2).sum()))


def test_a_single_day_tells_nothing_of_chance():
    """Nothing compels to leave any value."""
    found = mean_over_days(np.array([3.0, 4.0]), np.array([5, 5]))
    assert (found.value, found.error, found.days) == (3.5, None, 1)
    assert found.ends == (None, None)
    assert found.nearest(1.0) == 1.0


@pytest.mark.parametrize(("to", "expected"), [(0.0, 2.0), (3.0, 3.0), (9.0, 4.0)])
def test_the_nearest_point_of_an_interval_is_inside_or_an_end(to, expected):
    """Of an interval from 2 to 4."""
    error = 1 / stats.t.ppf(0.975, 6)
    assert Estimate(3.0, error, 7).nearest(to) == pytest.approx(expected)


@pytest.mark.parametrize("n_days", [3, 5, 20])
def test_intervals_cover_what_they_say_though_days_drift(n_days):
    """In 95 of 100 histories whose days have a mean of their own; as of independent rows it were few."""
    rng = np.random.default_rng(n_days)
    day = np.repeat(np.arange(n_days), 30)
    covered = []
    for _ in range(400):
        values = rng.normal(0, 1, n_days)[day] + rng.normal(0, 1, day.size)
        low, high = mean_over_days(values, day).ends
        covered.append(low < 0 < high)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.035)
