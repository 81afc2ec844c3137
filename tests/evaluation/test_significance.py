"""Intervals: what they cover when rows depend on each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from benchmarks.coverage import cover
from tapeline.evaluation.significance import (
    COSINES,
    BlockBootstrap,
    Intervals,
    Mean,
    adjust_for_many,
    diebold_mariano,
    ratio_interval,
    share_interval,
    wilson_interval,
)

DRAWS = {"block": 10, "resamples": 500, "level": 0.95, "seed": 3}


def of_overlapping_labels(seed, n=3000):
    """Rows as 15-minute labels make them: each shares 14 minutes of noise with the next; the mean is 0."""
    noise = np.random.default_rng(seed).normal(size=n + 14)
    return np.convolve(noise, np.ones(15) / 15, mode="valid")


@pytest.mark.slow
def test_intervals_cover_the_truth_where_a_percentile_bootstrap_does_not():
    """On 18 days of regimes, near 95 of 100 intervals of accuracy; of percentiles at most 88 do."""
    found = cover(18, "dependent", 100)["accuracy"]
    assert found["cosine"][0] >= 0.92
    assert found["percentile"][0] <= 0.88


@given(n=st.integers(2, COSINES + 1), seed=st.integers(0, 99))
def test_of_few_bars_it_is_students_interval(n, seed):
    """As scipy has it."""
    values = np.random.default_rng(seed).normal(3, 2, n)
    expected = stats.ttest_1samp(values, 2.5)
    mean = Mean(values, np.arange(n))
    assert mean.interval(0.9) == pytest.approx(tuple(expected.confidence_interval(0.9)))
    assert mean.p_value(2.5) == pytest.approx(expected.pvalue)


@given(n=st.integers(10, 300), seed=st.integers(0, 99), level=st.floats(0.5, 0.999))
def test_the_interval_is_the_sources_formula(n, seed, level):
    """Lazarus et al. 2018, by a plain loop over cosines and bars of unlike numbers of rows."""
    rng = np.random.default_rng(seed)
    bar = np.sort(rng.integers(0, n, 3 * n)) * 7
    values = rng.normal(size=3 * n)
    bars = np.unique(bar)
    sums = [np.sum(values[bar == b] - values.mean()) for b in bars]
    waves = [
        np.sqrt(2 / bars.size)
        * sum(z * np.cos(np.pi * j * (k + 0.5) / bars.size) for k, z in enumerate(sums))
        for j in range(1, COSINES + 1)
    ]
    freedom = min(COSINES, bars.size - 1)
    error = np.sqrt(np.mean(np.square(waves[:freedom])) * bars.size) / values.size
    half = stats.t.ppf((1 + level) / 2, freedom) * error
    expected = values.mean() - half, values.mean() + half
    order = rng.permutation(3 * n)
    intervals = Intervals(bar[order] + 1000, level)
    assert intervals.interval_of_mean(values[order]) == pytest.approx(expected)


@given(shift=st.floats(-5, 5), scale=st.floats(0.1, 10), seed=st.integers(0, 99), is_skewed=st.booleans())
def test_an_interval_moves_with_its_values(shift, scale, seed, is_skewed):
    """In other units it is the same interval; the p-value of either end is what the level leaves."""
    values = np.random.default_rng(seed).exponential(size=30)
    intervals = Intervals(np.arange(30), 0.95, is_skewed)
    low, high = intervals.interval_of_mean(values)
    expected = shift + scale * low, shift + scale * high
    assert intervals.interval_of_mean(shift + scale * values) == pytest.approx(expected)
    for end in (low, high):
        assert intervals.mean(values).p_value(end) == pytest.approx(0.05)
    assert intervals.mean(values).p_value(values.mean()) > 0.9


def test_rows_of_one_bar_count_as_one():
    """A second symbol that moves alike leaves the interval as it was, whatever the order."""
    values = np.random.default_rng(1).normal(size=300)
    once = Intervals(np.arange(300), 0.95).interval_of_mean(values)
    order = np.random.default_rng(2).permutation(600)
    twice = Intervals(np.tile(np.arange(300), 2)[order], 0.95)
    assert twice.interval_of_mean(np.tile(values, 2)[order]) == pytest.approx(once)


@pytest.mark.parametrize("values", [[1.0] * 9, [0.1] * 9, [0.0] * 9, [5.0]])
def test_rows_that_do_not_differ_tell_nothing_of_chance(values):
    """No interval and no p-value; nor has a single bar any."""
    mean = Mean(np.array(values), np.arange(len(values)))
    assert (mean.error, mean.interval(0.95), mean.p_value(0.5)) == (None, (None, None), None)
    assert Mean(np.array([1.0, 2.0]), np.array([4, 4])).interval(0.95) == (None, None)


def test_skewed_days_have_their_tail_where_it_is():
    """Of few lopsided days the plain interval misses the mean too often, and always on one side."""
    draws = np.random.default_rng(3).lognormal(0, 1.5, (400, 18))
    truth, missed = np.exp(1.5**2 / 2), {}
    for is_skewed in (False, True):
        ends = np.array([Intervals(np.arange(18), 0.95, is_skewed).interval_of_mean(row) for row in draws])
        missed[is_skewed] = np.mean(truth < ends[:, 0]) + np.mean(truth > ends[:, 1])
    assert missed[False] > 0.15
    assert missed[True] < missed[False] - 0.05


def test_a_resample_has_as_many_rows_as_there_are():
    """With one row a bar the mean of ones is one in every resample, and sums of rows are whole draws."""
    for n in (7, 95, 1000):
        bootstrap = BlockBootstrap(np.arange(n), **DRAWS)
        assert set(bootstrap.sums(np.ones(n))) == {float(n)}


def test_a_paired_difference_is_narrower_than_two_means():
    """Pairing removes what both have in common; a wider level gives a wider interval."""
    rng = np.random.default_rng(4)
    common = rng.normal(size=500)
    intervals = Intervals(np.arange(500), 0.95)
    low, high = intervals.interval_of_difference(common + 0.1, common + rng.normal(0, 0.01, 500))
    assert 0.09 < low < high < 0.11
    narrow, wide = (
        intervals.interval_of_mean(common),
        Intervals(np.arange(500), 0.999).interval_of_mean(common),
    )
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_p_values_are_fair_though_rows_depend_on_each_other():
    """A true null falls below 0.1 about one time in ten; one that is off by much, always."""
    means = [Mean(of_overlapping_labels(seed), np.arange(3000)) for seed in range(400)]
    assert 0.07 < np.mean([mean.p_value(0.0) < 0.1 for mean in means]) < 0.13
    assert np.mean([mean.error for mean in means]) == pytest.approx(1 / np.sqrt(3000), rel=0.05)
    assert max(mean.p_value(1.0) for mean in means) < 1e-4


@given(seed=st.integers(0, 99), level=st.floats(0.5, 0.99))
def test_a_ratio_of_sums_lets_stand_what_the_test_does(seed, level):
    """Fieller: at either end the mean of totals less ratio times counts is just that level away from 0."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(5, 40).astype(float)
    totals = rng.normal(counts * 2, 3)
    ends = ratio_interval(totals, counts, level)
    assert ends[0] < totals.sum() / counts.sum() < ends[1]
    for end in ends:
        assert Mean(totals - end * counts, np.arange(40)).p_value(0.0) == pytest.approx(1 - level)
    equal = ratio_interval(totals, np.full(40, 2.0), level)
    assert equal == pytest.approx(Mean(totals / 2, np.arange(40)).interval(level))


def test_a_ratio_of_too_little_has_no_interval():
    """One day, or trades on one day of many: the number of trades could as well have been 0."""
    assert ratio_interval(np.array([3.0]), np.array([2.0]), 0.95) == (None, None)
    day = np.eye(1, 20, 7)[0]
    assert ratio_interval(4 * day, 2 * day, 0.95) == (None, None)


def test_a_share_of_few_rows_that_all_hit_is_no_certainty():
    """Ten of ten independent rows are Wilson's of ten; a hundred that persist are worth as few as all do."""
    rng = np.random.default_rng(5)
    hit, where = np.repeat((rng.random(2000) < 0.7).astype(float), 10), np.zeros(20_000, bool)
    where[np.flatnonzero(hit)[:100]] = True
    intervals = Intervals(np.arange(20_000), 0.95)
    effective, low, high = share_interval(hit, where, intervals)
    freedom = intervals.mean(hit).freedom
    assert effective == pytest.approx(10, rel=0.6)
    assert (low, high) == wilson_interval(1.0, effective, 0.95, freedom)
    assert high == pytest.approx(1.0)
    assert low < 0.75
    assert share_interval(np.ones(50), np.arange(50) < 5, Intervals(np.arange(50), 0.95)) == (None,) * 3


def test_adjusted_p_values_equal_the_sources_by_hand():
    """Benjamini-Yekutieli: p times n times the sum of 1/k, over the rank, made monotone."""
    harmonic = 1 + 1 / 2 + 1 / 3
    assert adjust_for_many([0.01, 0.04, 0.03]) == pytest.approx(
        [0.01 * 3 * harmonic, 0.04 * harmonic, 0.04 * harmonic]
    )
    assert adjust_for_many([]) == []


@pytest.mark.parametrize(("right", "n"), [(0, 5), (3, 10), (70, 100), (5, 5)])
def test_the_wilson_interval_equals_scipys(right, n):
    """At whole numbers of rows."""
    expected = stats.binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(right / n, n, 0.95) == pytest.approx(tuple(expected), abs=1e-12)


def test_what_is_not_known_is_not_adjusted():
    """And does not count among those that were looked at."""
    assert adjust_for_many([0.01, None, 0.04]) == pytest.approx([0.03, None, 0.06])


def test_diebold_mariano_is_the_test_of_the_paired_difference():
    """Positive where the other loses more; nothing where both lose the same; symbols count once."""
    rng = np.random.default_rng(6)
    loss, other = rng.random(400), rng.random(400) + 0.02
    bar = np.arange(400)
    statistic, p_value = diebold_mariano(loss, other, Intervals(bar, 0.95))
    mean = Mean(other - loss, bar)
    assert statistic == pytest.approx(mean.mean / mean.error)
    assert p_value == pytest.approx(2 * stats.t.sf(abs(statistic), COSINES))
    twice = Intervals(np.tile(bar, 2), 0.95)
    assert diebold_mariano(np.tile(loss, 2), np.tile(other, 2), twice) == pytest.approx((statistic, p_value))
    assert diebold_mariano(loss, loss, Intervals(bar, 0.95)) == (None, None)
