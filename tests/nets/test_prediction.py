"""Prediction of any rows: how many candles a call takes decides its speed and no number."""

from unittest.mock import patch

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.nets.prediction import CANDLES_AT_ONCE, inputs_at_once, predict_logits
from tests.nets.problem import ARCHITECTURES, LENGTH, N_FEATURES, make_net

CHUNK = 40


@pytest.mark.parametrize("network", ARCHITECTURES)
@settings(max_examples=20, deadline=None)
@given(at_once=st.integers(1, 800), n_rows=st.integers(LENGTH, 300), seed=st.integers(0, 10**6))
def test_the_size_of_a_call_moves_no_logit(network, at_once, n_rows, seed):
    """Windows or chunks, however many at once, even less than one: those of the rows' windows, to 1e-5."""
    torch.manual_seed(seed)
    net, features = make_net(network)().eval(), torch.randn(n_rows, N_FEATURES)
    segment = np.arange(n_rows) // 97
    rows = np.flatnonzero(np.arange(n_rows) % 97 >= LENGTH - 1)
    with patch.dict(CANDLES_AT_ONCE, cpu=at_once):
        found = predict_logits(net, features, segment, rows, LENGTH, CHUNK)
    with torch.no_grad():
        expected = net.last(torch.stack([features[row - LENGTH + 1 : row + 1] for row in rows]))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_call_takes_no_more_candles_than_its_device_is_good_for(network):
    """Every call of the network stays within them; a GPU is given more than a CPU."""
    net, sizes = make_net(network)(), []
    net.register_forward_pre_hook(lambda net, given: sizes.append(given[0].shape[0] * given[0].shape[1]))
    rows = np.arange(LENGTH - 1, 900)
    with patch.dict(CANDLES_AT_ONCE, cpu=200):
        predict_logits(net, torch.randn(900, N_FEATURES), np.zeros(900, np.int64), rows, LENGTH, CHUNK)
    assert 200 - CHUNK < max(sizes) <= 200
    cpu, cuda = (inputs_at_once(torch.device(name), 64) for name in ("cpu", "cuda"))
    assert (cpu, cuda) == (64, 1024)


@pytest.mark.parametrize("network", ARCHITECTURES)
@pytest.mark.filterwarnings("error")
def test_rows_may_be_read_only(network):
    """As another process has those of a large fold; nothing is said of it."""
    rows = np.arange(LENGTH - 1, 90)
    rows.flags.writeable = False
    found = predict_logits(
        make_net(network)(), torch.randn(90, N_FEATURES), np.zeros(90, np.int64), rows, LENGTH, CHUNK
    )
    assert found.shape == (len(rows),)
