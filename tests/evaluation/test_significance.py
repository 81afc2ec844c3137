"""Intervals: what they cover when rows depend on each other."""

import numpy as np
import pytest

from tapeline.evaluation.significance import BlockBootstrap

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
        assert set(bootstrap._resample(np.ones(n))) == {float(n)}


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
