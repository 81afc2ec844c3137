"""Intervals: what they cover when rows depend on each other."""

import numpy as np
import pytest
from scipy import stats

from tapeline.evaluation.significance import (
    BlockBootstrap,
    adjust_for_many,
    diebold_mariano,
    wilson_interval,
)

DRAWS = {"block": 10, "resamples": 500, "level": 0.95, "seed": 3}


def sample(n=400, seed=0):
    """Probabilities and directions that come true with about them."""
    rng = np.random.default_rng(seed)
    probability = rng.random(n)
    return probability, (rng.random(n) < probability).astype(float)


def test_intervals_cover_the_truth_though_rows_depend_on_each_other():
    """On means of 15 noises about 95 % of intervals hold the truth; those of single rows far fewer."""
    covered = {15 * 4: 0, 1: 0}
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=3014)
        values = np.convolve(noise, np.ones(15) / 15, mode="valid")
        for block in covered:
            draws = DRAWS | {"block": block, "resamples": 200}
            low, high = BlockBootstrap(np.arange(3000), **draws).interval_of_mean(values)
            covered[block] += low < 0 < high
    assert 0.88 <= covered[60] / 200 <= 0.99
    assert covered[1] / 200 < 0.6


def test_rows_of_one_bar_are_drawn_together():
    """A second symbol that moves alike leaves the interval as it was, whatever the order."""
    values = np.random.default_rng(1).normal(size=300)
    once = BlockBootstrap(np.arange(300), **DRAWS).interval_of_mean(values)
    order = np.random.default_rng(2).permutation(600)
    twice = BlockBootstrap(np.tile(np.arange(300), 2)[order], **DRAWS)
    assert twice.interval_of_mean(np.tile(values, 2)[order]) == pytest.approx(once)


def test_a_resample_has_as_many_rows_as_there_are():
    """With one row a bar the mean of ones is one in every resample, and sums of rows are whole draws."""
    for n in (7, 95, 1000):
        bootstrap = BlockBootstrap(np.arange(n), **DRAWS)
        assert set(bootstrap.sums(np.ones(n))) == {float(n)}


def test_a_paired_difference_is_narrower_than_two_means():
    """Pairing removes what both have in common; a wider level gives a wider interval."""
    rng = np.random.default_rng(4)
    common = rng.normal(size=500)
    bootstrap = BlockBootstrap(np.arange(500), **DRAWS)
    low, high = bootstrap.interval_of_difference(common + 0.1, common + rng.normal(0, 0.01, 500))
    assert 0.09 < low < high < 0.11
    wide = bootstrap.interval_of_mean(common, level=0.999)
    narrow = bootstrap.interval_of_mean(common)
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_p_values_are_fair_though_rows_depend_on_each_other():
    """A true null falls below 0.1 about one time in ten; one that is off by much, always."""
    p_values, errors = [], []
    for seed in range(200):
        noise = np.random.default_rng(seed).normal(size=3014)
        values = np.convolve(noise, np.ones(15) / 15, mode="valid")
        bootstrap = BlockBootstrap(np.arange(3000), **DRAWS | {"block": 60, "resamples": 200})
        error, p_value = bootstrap.test_of_mean(values, 0.0)
        p_values.append(p_value)
        errors.append(error)
    assert 0.05 < np.mean(np.array(p_values) < 0.1) < 0.2
    assert np.mean(errors) == pytest.approx(1 / np.sqrt(3000), rel=0.1)
    assert bootstrap.test_of_mean(values, 1.0)[1] == pytest.approx(1 / 201)


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


def test_diebold_mariano_without_lags_is_a_test_of_the_mean():
    """One row a bar and no lag: the paired z-test; positive where the other loses more."""
    rng = np.random.default_rng(6)
    loss, other = rng.random(400), rng.random(400) + 0.02
    statistic, p_value = diebold_mariano(loss, other, np.arange(400), 0)
    difference = other - loss
    assert statistic == pytest.approx(difference.mean() / difference.std() * 20)
    assert p_value == pytest.approx(2 * stats.norm.sf(abs(statistic)))
    assert diebold_mariano(loss, loss, np.arange(400), 5) == (None, None)


def test_diebold_mariano_takes_its_time_and_its_symbols_into_account():
    """By a plain loop over lags; two symbols that are the same are no more sure than one."""
    rng = np.random.default_rng(7)
    difference = np.convolve(rng.normal(size=314), np.ones(15), mode="valid")
    off = difference - difference.mean()
    variance = sum(
        (1 - abs(i - j) / 21) * off[i] * off[j] for i in range(300) for j in range(300) if abs(i - j) <= 20
    )
    expected = difference.mean() * 300 / np.sqrt(variance)
    zero = np.zeros(300)
    assert diebold_mariano(zero, difference, np.arange(300), 20)[0] == pytest.approx(expected)
    twice = diebold_mariano(np.zeros(600), np.tile(difference, 2), np.tile(np.arange(300), 2), 20)
    assert twice[0] == pytest.approx(expected)
