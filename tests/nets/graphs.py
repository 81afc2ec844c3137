"""What the tests of written graphs share: networks whose weights are drawn, and a graph at work."""

import numpy as np
import torch

from tapeline.nets.calibration import Calibration
from tapeline.nets.export import Served, to_model
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.transformer import Transformer
from tapeline.onnx_model import to_bytes
from tapeline.promotion.bundle import open_graph

PLAIN = {"kind": "none"}


def drawn(net, scale):
    """The network in evaluation mode, its weights `scale` times those it began with, and no bias of 0."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(scale).add_(torch.randn_like(parameter) * 0.02)
    return net.eval()


def drawn_lstm(n_features=3, hidden=5, layers=2, bidirectional=False, scale=1.5):
    """A small LSTM that would drop a third of its states if it were asked to learn."""
    params = LstmParams(hidden=hidden, layers=layers, dropout=1 / 3, bidirectional=bidirectional)
    return drawn(LSTM(n_features, params), scale)


def drawn_transformer(n_features=3, d_model=8, heads=2, layers=2, length=9, scale=1.0):
    """A small Transformer for windows of `length` candles, with dropout as above.

    With weights twice as large its norms blow rounding up, and torch itself is off by 1e-5.
    """
    params = TransformerParams(
        d_model=d_model, heads=heads, layers=layers, dropout=1 / 3, max_length=max(length, 64)
    )
    return drawn(Transformer(n_features, params, length), scale)


def windows_of(batch, length, n_features, scale=1.0):
    """Scaled windows (B, T, F), drawn by torch's generator."""
    return torch.randn(batch, length, n_features) * scale


def served(model, windows):
    """What the graph of `model` says of windows (B, T, F): (B,)."""
    return open_graph(to_bytes(model)).run(None, {"windows": windows.numpy()})[0]


def assert_written_and_equal(net, windows, record=PLAIN):
    """The graph is our own, and says of every window what torch says, to 1e-6."""
    model = to_model(Served(net, Calibration(record)), *windows.shape[1:])
    assert model.producer_name == "tapeline"
    with torch.no_grad():
        expected = Calibration(record)(net.last(windows)).numpy()
    found = served(model, windows)
    assert found.shape == expected.shape == (len(windows),)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
