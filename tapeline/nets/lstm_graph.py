"""The LSTM as ONNX nodes. B batch, T candles, F features, H hidden size.

Of the uppermost layer the last candle's state alone is made. Read backwards that is the first step, from
zero state, so nothing before the last candle enters it.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tapeline.nets.lstm import LSTM
from tapeline.nets.nodes import Nodes, weights_of

FORWARD, BACKWARD = "", "_reverse"  # how the names of nn.LSTM's parameters end


def lstm_logits(nodes: Nodes, net: LSTM, windows: str, sequence_length: int) -> str:
    """Add the logits (B,) of the last candles of `windows` (B, T, F), whatever T is."""
    *lower, top = cast("list[nn.LSTM]", list(net.layers))
    x = nodes.add("Transpose", windows, perm=[1, 0, 2])  # (T, B, F)
    for layer in lower:
        x = _every_candle(nodes, layer, x)
    return nodes.add("Squeeze", nodes.linear(net.head, _last_candle(nodes, top, x)), nodes.constant([1]))


def _every_candle(nodes: Nodes, layer: nn.LSTM, x: str) -> str:
    """States (T, B, H or 2 H) of `x` (T, B, F)."""
    if not layer.bidirectional:
        states = _run(nodes, layer, x, [FORWARD])  # (T, 1, B, H)
        return nodes.add("Squeeze", states, nodes.constant([1]))
    states = _run(nodes, layer, x, [FORWARD, BACKWARD])  # (T, 2, B, H)
    states = nodes.add("Transpose", states, perm=[0, 2, 1, 3])  # (T, B, 2, H)
    return nodes.add("Reshape", states, nodes.constant([0, 0, -1]))


def _last_candle(nodes: Nodes, layer: nn.LSTM, x: str) -> str:
    """States (B, H or 2 H) of the last candle of `x` (T, B, F)."""
    last = nodes.constant([0])
    state = nodes.add("Squeeze", _run(nodes, layer, x, [FORWARD], nth_output=1), last)  # (B, H)
    if not layer.bidirectional:
        return state
    start, end = nodes.constant([-1]), nodes.constant([np.iinfo(np.int64).max])
    candle = nodes.add("Slice", x, start, end, last)  # (1, B, F)
    other = nodes.add("Squeeze", _run(nodes, layer, candle, [BACKWARD], nth_output=1), last)
    return nodes.add("Concat", state, other, axis=1)


def _run(nodes: Nodes, layer: nn.LSTM, x: str, ways: list[str], nth_output: int = 0) -> str:
    """`layer` over `x` (T, B, F) in `ways`: all states (T, ways, B, H); as output 1 the last, (ways, B, H).

    A single way is read in the order of `x`, whichever it is.
    """
    names = "weight_ih_l0", "weight_hh_l0"
    taken, kept = (np.stack([_gates(layer, name + way) for way in ways]) for name in names)
    bias = [
        np.concatenate([_gates(layer, f"{name}_l0{way}") for name in ("bias_ih", "bias_hh")]) for way in ways
    ]
    constants = (nodes.constant(array) for array in (taken, kept, np.stack(bias)))
    direction = "bidirectional" if len(ways) == 2 else "forward"
    return nodes.add(
        "LSTM", x, *constants, nth_output=nth_output, hidden_size=layer.hidden_size, direction=direction
    )


def _gates(layer: nn.LSTM, name: str) -> NDArray[np.float32]:
    """Parameter `name`, (4 H, ...), with its gates as ONNX has them.

    torch stacks them as input, forget, cell, output; ONNX as input, output, forget, cell.
    """
    entry, forget, cell, output = np.split(weights_of(getattr(layer, name)), 4)
    return np.concatenate([entry, output, forget, cell])
