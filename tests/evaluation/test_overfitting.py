"""The best of many: chance on noise, sure on an edge, wrong on what turns around."""

from itertools import combinations

import numpy as np
import pytest

from tapeline.evaluation.overfitting import blocks_of, probability_of_overfitting


def plain(daily, n_blocks):
    """The definition, split by split."""
    blocks = np.array_split(daily, n_blocks)
    losses = []
    for chosen in combinations(range(n_blocks), n_blocks // 2):
        inside = np.concatenate([blocks[k] for k in chosen])
        outside = np.concatenate([blocks[k] for k in range(n_blocks) if k not in chosen])
        best = (inside.mean(axis=0) / inside.std(axis=0)).argmax()
        ratios = outside.mean(axis=0) / outside.std(axis=0)
        share = (np.sum(ratios < ratios[best]) + 1) / (daily.shape[1] + 1)
        losses.append(np.log(share / (1 - share)) <= 0)
    return np.mean(losses)


@pytest.mark.parametrize("n", [2, *(pytest.param(n, marks=pytest.mark.slow) for n in (5, 6))])
def test_it_is_the_definition(n):
    """Against a plain loop over all splits."""
    daily = np.random.default_rng(0).normal(0.05, 1, (48, n))
    assert blocks_of(48) == 16
    assert probability_of_overfitting(daily) == pytest.approx(plain(daily, 16))


def test_noise_is_chance_and_an_edge_is_none():
    """Over many draws one half; near zero where one configuration is really better."""
    rng = np.random.default_rng(1)
    noise = [probability_of_overfitting(rng.normal(0, 1, (32, 8))) for _ in range(30)]
    assert np.mean(noise) == pytest.approx(0.5, abs=0.12)
    edge = rng.normal(0, 1, (64, 8))
    edge[:, 3] += 2.0
    assert probability_of_overfitting(edge) == 0.0


def test_what_pays_in_one_half_and_loses_in_the_other_is_overfitting():
    """Each configuration earns in its own block and loses in all others."""
    daily = np.full((32, 16), -0.1) + np.random.default_rng(2).normal(0, 0.01, (32, 16))
    for k in range(16):
        daily[2 * k : 2 * k + 2, k] = 1.0
    assert probability_of_overfitting(daily) > 0.9


def test_too_little_is_none():
    """One configuration, or too few days to cut."""
    assert probability_of_overfitting(np.zeros((40, 1))) is None
    assert probability_of_overfitting(np.zeros((7, 5))) is None
    assert blocks_of(8) == 4
