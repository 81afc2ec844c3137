"""A network as an ONNX graph: scaled windows in, a number in 0..1 out.

A network whose graph is written, in a module of its own beside it, needs no trace of it, which takes
seconds; any other goes through torch's exporter.
"""

from collections.abc import Callable
from typing import Any

import onnx
import torch
from torch import Tensor, nn

from tapeline.nets.calibration import Calibration
from tapeline.nets.calibration_graph import calibrated
from tapeline.nets.ensemble import members_of
from tapeline.nets.lstm import LSTM
from tapeline.nets.lstm_graph import lstm_logits
from tapeline.nets.network import Network
from tapeline.nets.nodes import Nodes
from tapeline.nets.traced import traced_model
from tapeline.nets.transformer import Transformer
from tapeline.nets.transformer_graph import transformer_logits
from tapeline.onnx_model import PROBABILITY, WINDOWS, make_model, to_bytes

# By kind of network: adds the logits (B,) of the last candles of named windows (B, T, F), of such T.
WRITTEN: dict[type[Network], Callable[[Nodes, Any, str, int], str]] = {
    LSTM: lstm_logits,
    Transformer: transformer_logits,
}


class Served(nn.Module):
    """The network followed by its calibration, as it is served: one number per window."""

    def __init__(self, net: Network, calibration: Calibration) -> None:
        super().__init__()
        self.net, self.calibration = net, calibration

    def forward(self, windows: Tensor) -> Tensor:
        """Calibrated predictions (B,), in 0..1, of the last candles of scaled windows (B, T, F)."""
        probability: Tensor = self.calibration(self.net.last(windows))
        return probability


def to_onnx(served: Served, sequence_length: int, n_features: int) -> bytes:
    """Export as ONNX bytes, any batch size; the same network gives the same bytes in any folder."""
    return to_bytes(to_model(served, sequence_length, n_features))


def to_model(served: Served, sequence_length: int, n_features: int) -> onnx.ModelProto:
    """What `to_onnx` writes, for those who build on it."""
    window = sequence_length, n_features
    members = members_of(served.net)
    if not all(type(member) in WRITTEN for member in members):
        return traced_model(served, window)
    nodes = Nodes()
    logits = [WRITTEN[type(member)](nodes, member, WINDOWS, sequence_length) for member in members]
    mean = nodes.add("Mean", *logits) if len(logits) > 1 else logits[0]
    calibrated(nodes, served.calibration, mean, PROBABILITY)
    return make_model("network", nodes.nodes, nodes.constants, window)


def reference_outputs(served: Served, windows: Tensor) -> Tensor:
    """Outputs of torch, which the exported graph must equal, for scaled windows (B, T, F); shape (B,).

    On one thread, as the graph is served: sums come out differently with more.
    """
    torch.set_num_threads(1)
    with torch.no_grad():
        outputs: Tensor = served.eval()(windows)
    return outputs
