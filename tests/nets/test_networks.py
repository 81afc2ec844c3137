"""The two networks: how far back they reach, and that nothing after a candle is seen."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.transformer import Transformer, attention_band, banded_attention


def make_transformer(length, layers=3, heads=2):
    """A small Transformer in evaluation mode."""
    torch.manual_seed(0)
    params = TransformerParams(d_model=16, heads=heads, layers=layers, dropout=0.0, max_length=200)
    return Transformer(4, params, length).eval()


def make_lstm(bidirectional=False):
    """A small LSTM in evaluation mode."""
    torch.manual_seed(0)
    return LSTM(4, LstmParams(hidden=8, layers=2, dropout=0.5, bidirectional=bidirectional)).eval()


@settings(max_examples=25, deadline=None)
@given(length=st.integers(2, 40), layers=st.integers(1, 4), more=st.integers(0, 60))
def test_the_transformer_says_the_same_alone_and_inside_a_longer_series(length, layers, more):
    """Candles before the reach change nothing, wherever the input begins, densely or alone."""
    net = make_transformer(length, layers)
    window = torch.randn(2, length, 4)
    longer = torch.cat([torch.randn(2, more, 4) * 100, window, torch.randn(2, 3, 4)], dim=1)
    alone = net.last(window)
    torch.testing.assert_close(net.last(longer[:, :-3]), alone, rtol=0, atol=1e-5)
    torch.testing.assert_close(net(longer)[:, -4], alone, rtol=0, atol=1e-5)


def test_the_transformer_uses_all_of_its_reach():
    """The first candle within the band's reach moves the prediction."""
    length, layers = 31, 3
    net, window = make_transformer(length, layers), torch.randn(1, length, 4, requires_grad=True)
    assert 1 + layers * (attention_band(length, layers) - 1) == length == net.reach(length)
    net.last(window).sum().backward()
    assert (window.grad.abs().sum(dim=2) > 0).all()


@given(length=st.integers(1, 500), layers=st.integers(1, 16))
def test_the_band_never_reaches_past_the_context(length, layers):
    """Over all layers the reach is at most the sequence length, and one candle more a layer would pass it."""
    band = attention_band(length, layers)
    assert 1 + layers * (band - 1) <= length < 1 + layers * band


@settings(max_examples=40, deadline=None)
@given(n_keys=st.integers(1, 90), crop=st.integers(0, 60), band=st.integers(1, 20))
def test_banded_attention_equals_attention_under_a_mask(n_keys, crop, band):
    """In blocks or at once, for all queries or the last ones: torch's own attention with the band as mask."""
    generator = torch.Generator().manual_seed(n_keys)
    query, key, value = (torch.randn(2, 3, n_keys, 4, generator=generator) for _ in range(3))
    distance = torch.arange(n_keys)[:, None] - torch.arange(n_keys)
    seen = (distance >= 0) & (distance < band)
    expected = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
    last = slice(min(crop, n_keys - 1), None)
    found = banded_attention(query[:, :, last], key, value, band)
    torch.testing.assert_close(found, expected[:, :, last], rtol=0, atol=1e-5)


@pytest.mark.parametrize("make", [make_lstm, lambda: make_transformer(10)])
@settings(max_examples=15, deadline=None)
@given(cut=st.integers(1, 29))
def test_a_candle_is_not_moved_by_those_after_it(make, cut):
    """Garbage from a candle on leaves every logit before it: what dense training rests on."""
    net, x = make(), torch.randn(1, 30, 4)
    poisoned = x.clone()
    poisoned[:, cut:] = 1e3
    torch.testing.assert_close(net(poisoned)[:, :cut], net(x)[:, :cut], rtol=0, atol=1e-6)


def test_a_bidirectional_lstm_sees_the_candles_after():
    """The same garbage reaches the candle before it: why such a network trains on windows alone."""
    net, x = make_lstm(bidirectional=True), torch.randn(1, 30, 4)
    poisoned = x.clone()
    poisoned[:, 20:] = 1e3
    assert (net(poisoned) - net(x))[:, 19].abs() > 1e-3


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lstm_gives_one_logit_a_window_whatever_the_batch(bidirectional):
    """A window's logit is the same alone and among others."""
    net, windows = make_lstm(bidirectional), torch.randn(6, 20, 4)
    together = net.last(windows)
    assert together.shape == (6,)
    torch.testing.assert_close(torch.cat([net.last(w[None]) for w in windows]), together, rtol=0, atol=1e-6)


@pytest.mark.parametrize("heads", [3, 16])
def test_heads_must_divide_the_width(heads):
    """3 does not divide 16; 16 heads of width 1 leave nothing to rotate."""
    with pytest.raises(ValidationError, match=f"transformer.heads = {heads} must divide"):
        TransformerParams(d_model=16, heads=heads, layers=1, dropout=0.0, max_length=10)
