"""The LSTM's written graph says what torch says."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.nets.graphs import assert_written_and_equal, drawn_lstm, windows_of


@settings(max_examples=40, deadline=None)
@given(
    hidden=st.integers(1, 24), layers=st.integers(1, 4), bidirectional=st.booleans(),
    length=st.integers(1, 40), n_features=st.integers(1, 12), batch=st.sampled_from([1, 2, 33]),
    scale=st.sampled_from([0.5, 1.0, 2.0]), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_it_equals_torch(hidden, layers, bidirectional, length, n_features, batch, scale, seed):
    """Whatever its size, depth and ways, for a window of one candle too, alone and among others."""
    torch.manual_seed(seed)
    net = drawn_lstm(n_features, hidden, layers, bidirectional, scale)
    assert_written_and_equal(net, windows_of(batch, length, n_features, 2.0))
