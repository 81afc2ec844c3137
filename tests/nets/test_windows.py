"""Windows stay inside one stretch of consecutive candles and hold few filled ones."""

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from tapeline.nets.windows import Windows, window_ends


@given(
    runs=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    length=st.integers(1, 9),
    share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
def test_a_window_ends_where_the_definition_says(runs, length, share, seed):
    """A row is an end if the `length` rows up to it are of one run and few enough are filled."""
    run = np.repeat(np.arange(len(runs)), runs)
    filled = np.random.default_rng(seed).random(run.size) < 0.3
    is_end = window_ends(run, filled, length, share)
    for row in range(run.size):
        rows = slice(row - length + 1, row + 1)
        whole = row >= length - 1 and np.unique(run[rows]).size == 1
        assert is_end[row] == (whole and filled[rows].sum() <= share * length)


def test_a_batch_holds_the_candles_up_to_its_end():
    """A window's last row is its end, its first `length - 1` rows before, and the label is the end's."""
    features = torch.arange(20.0).reshape(10, 2)
    x, y = Windows(features, torch.arange(10.0), length=3).batch(torch.tensor([2, 9]))
    assert x.shape == (2, 3, 2)
    torch.testing.assert_close(x[1], features[7:10])
    assert y.tolist() == [2.0, 9.0]
