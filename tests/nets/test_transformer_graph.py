"""The Transformer's written graph says what torch says."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.nets.graphs import assert_written_and_equal, drawn_transformer, windows_of


@settings(max_examples=20, deadline=None)
@given(
    heads=st.sampled_from([1, 2, 3]), half_width=st.integers(1, 4), layers=st.integers(1, 5),
    length=st.integers(1, 40), n_features=st.integers(1, 8), batch=st.sampled_from([1, 2, 17]),
    scale=st.sampled_from([0.3, 1.0]), seed=st.integers(0, 10**6),
)  # fmt: skip
@example(heads=2, half_width=2, layers=9, length=40, n_features=3, batch=2, scale=1.0, seed=0)  # in blocks
def test_it_equals_torch(heads, half_width, layers, length, n_features, batch, scale, seed):
    """Whatever its size and depth, where its reach falls short of the window, too, alone and among others."""
    torch.manual_seed(seed)
    net = drawn_transformer(n_features, 2 * half_width * heads, heads, layers, length, scale)
    assert_written_and_equal(net, windows_of(batch, length, n_features, 2.0))


@settings(max_examples=20, deadline=None)
@given(layers=st.integers(2, 9), length=st.integers(3, 60), less=st.integers(1, 58), seed=st.integers(0, 999))
def test_it_equals_torch_on_windows_shorter_than_its_reach(layers, length, less, seed):
    """The keys that are not there are not seen."""
    torch.manual_seed(seed)
    net = drawn_transformer(layers=layers, length=length)
    assert_written_and_equal(net, windows_of(3, max(1, length - less), 3))


@pytest.mark.slow
@settings(max_examples=10, deadline=None)
@given(layers=st.integers(6, 12), band=st.integers(2, 4), more=st.integers(-3, 1), seed=st.integers(0, 999))
def test_it_equals_torch_where_queries_are_taken_in_blocks(layers, band, more, seed):
    """Layers that look at more than four bands of candles, or would if the window were not shorter."""
    torch.manual_seed(seed)
    length = 1 + layers * (band - 1)
    net = drawn_transformer(layers=layers, length=length)
    assert net.band == band
    assert_written_and_equal(net, windows_of(3, length + more, 3))
