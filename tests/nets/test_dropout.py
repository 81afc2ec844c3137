"""Dropout by bits: torch's distribution, from torch's generator."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tapeline.nets.dropout import Dropout


def dropped(x, p, seed=0):
    """`x` through a layer in training, from a seed."""
    torch.manual_seed(seed)
    return Dropout(p)(x)


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=3), st.floats(0.0, 1.0), st.integers(0, 99)
)  # fmt: skip
def test_an_element_is_zero_or_scaled(shape, p, seed):
    """Of any shape and chance: what stays is scaled by the inverse of the chance to."""
    x = torch.arange(1, 1 + int(np.prod(shape)), dtype=torch.float32).reshape(shape)
    got = dropped(x, p, seed)
    assert got.shape == x.shape
    assert got.dtype == x.dtype
    kept = got[got != 0] / x[got != 0]
    if len(kept):
        stays = 1 - round(p * 65536) / 65536
        np.testing.assert_allclose(kept, 1 / stays, rtol=1e-6)


@pytest.mark.parametrize("p", [0.001, 0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("of_four", [0, 1, 2, 3])
def test_elements_are_dropped_at_their_chance(p, of_four):
    """Whichever part of a random word decides about them."""
    is_zero = dropped(torch.ones(400_000), p) == 0
    own = is_zero[of_four::4]
    assert binomtest(int(own.sum()), len(own), p).pvalue > 1e-4


def test_the_least_chance_is_one_level():
    """Of 65,536 levels one, and not two or none."""
    is_zero = dropped(torch.ones(8_000_000), 2**-16) == 0
    assert binomtest(int(is_zero.sum()), len(is_zero), 2**-16).pvalue > 1e-4


@pytest.mark.parametrize("lag", [1, 2, 3, 4, 8])
def test_neighbours_are_dropped_independently(lag):
    """Of two elements near each other, both are dropped as often as chance says."""
    is_zero = (dropped(torch.ones(400_000), 0.2) == 0).numpy()
    both = is_zero[lag:] & is_zero[:-lag]
    assert both.mean() == pytest.approx(0.04, abs=5 * np.sqrt(0.04 / len(both)))


def test_the_seed_decides():
    """The same elements again from the same seed; others from another one, and in a second call."""
    x = torch.ones(1_000)
    assert torch.equal(dropped(x, 0.5, 1), dropped(x, 0.5, 1))
    assert not torch.equal(dropped(x, 0.5, 1), dropped(x, 0.5, 2))
    layer = Dropout(0.5)
    assert not torch.equal(layer(x), layer(x))


def test_gradients_pass_where_elements_do():
    """With the same factor."""
    x = torch.randn(500, requires_grad=True)
    got = dropped(x, 0.3)
    got.sum().backward()
    torch.testing.assert_close(x.grad, (got / x).detach())


def test_evaluation_leaves_everything_and_draws_nothing():
    """A network that is asked gives its numbers, and the next training's are the same."""
    layer, x = Dropout(0.5).eval(), torch.randn(100)
    before = torch.get_rng_state()
    assert torch.equal(layer(x), x)
    assert torch.equal(torch.get_rng_state(), before)


def test_types_stay():
    """Of bfloat16 as well, which a training in mixed precision passes on."""
    assert dropped(torch.ones(9, dtype=torch.bfloat16), 0.5).dtype == torch.bfloat16
