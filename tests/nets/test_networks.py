"""The two networks: how far back they reach, and that a window is all they see."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.transformer import Transformer, attention_band


def make_transformer(length, layers=3, heads=2):
    """A small Transformer in evaluation mode."""
    torch.manual_seed(0)
    params = TransformerParams(d_model=16, heads=heads, layers=layers, dropout=0.0, max_length=200)
    return Transformer(4, params, length).eval()


@settings(max_examples=25, deadline=None)
@given(length=st.integers(2, 40), layers=st.integers(1, 4), more=st.integers(0, 30))
def test_the_transformer_reaches_no_further_than_its_context(length, layers, more):
    """Candles before the reach change nothing, wherever the window begins: the same number alone or not."""
    net = make_transformer(length, layers)
    window = torch.randn(1, length, 4)
    longer = torch.cat([torch.randn(1, more, 4) * 100, window], dim=1)
    torch.testing.assert_close(net(longer), net(window), rtol=0, atol=1e-5)


def test_the_transformer_uses_all_of_its_reach():
    """The first candle within the band's reach moves the prediction, the one before it does not."""
    length, layers = 31, 3
    net, window = make_transformer(length, layers), torch.randn(1, length, 4, requires_grad=True)
    assert 1 + layers * (attention_band(length, layers) - 1) == length
    net(window).sum().backward()
    assert (window.grad.abs().sum(dim=2) > 0).all()


@given(length=st.integers(1, 500), layers=st.integers(1, 16))
def test_the_band_never_reaches_past_the_context(length, layers):
    """Over all layers the reach is at most the sequence length, and one candle more a layer would pass it."""
    band = attention_band(length, layers)
    assert 1 + layers * (band - 1) <= length < 1 + layers * band


def test_cropped_layers_equal_a_full_pass():
    """Computing only what the last candle needs gives what computing everything gives."""
    net, windows = make_transformer(31), torch.randn(5, 31, 4)
    cropped = net(windows)
    net.kept = [31] * 3
    torch.testing.assert_close(net(windows), cropped, rtol=0, atol=1e-6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstm_gives_one_logit_a_window_whatever_the_batch(bidirectional):
    """A window's logit is the same alone and among others."""
    torch.manual_seed(0)
    params = LstmParams(hidden=8, layers=2, dropout=0.5, bidirectional=bidirectional)
    net, windows = LSTM(4, params).eval(), torch.randn(6, 20, 4)
    together = net(windows)
    assert together.shape == (6,)
    torch.testing.assert_close(torch.cat([net(w[None]) for w in windows]), together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("heads", [3, 16])
def test_heads_must_divide_the_width(heads):
    """3 does not divide 16; 16 heads of width 1 leave nothing to rotate."""
    with pytest.raises(ValidationError, match=f"transformer.heads = {heads} must divide"):
        TransformerParams(d_model=16, heads=heads, layers=1, dropout=0.0, max_length=10)
