"""The Transformer as ONNX nodes. B batch, T candles, D width, H heads, W head width, K keys, Q queries.

As `Transformer.last` does, each layer works out the candles that the layers above it look at, and no more;
what it needs of shapes, positions and masks is known when the graph is written, and is a constant in it.

A rotation turns (first, second) into (first, second) * cosine + (-second, first) * sine. The second pair is a
linear map of the layer's input as the first one is: one product makes both.
"""

import math
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import nn

from tapeline.nets.attention_graph import Positions, attention
from tapeline.nets.nodes import Nodes, weights_of
from tapeline.nets.transformer import Layer, Transformer

Array = NDArray[np.float32]
END = np.iinfo(np.int64).max


def transformer_logits(nodes: Nodes, net: Transformer, windows: str, sequence_length: int) -> str:
    """Add the logits (B,) of the last candles of `windows` (B, T, F)."""
    layers = cast("list[Layer]", list(net.layers))
    n_keys = min(net.reach(sequence_length), sequence_length)
    x = nodes.linear(net.embed, _last(nodes, windows, n_keys, sequence_length))  # (B, K, D)
    length = sequence_length  # of what torch's layer is given, and counts positions in
    for above, layer in zip(reversed(range(len(layers))), layers, strict=True):
        kept = min(1 + above * (net.band - 1), n_keys)
        x = _layer(nodes, layer, x, np.arange(length - n_keys, length), kept)  # (B, Q, D)
        n_keys = length = kept
    logits = nodes.linear(net.head, _norm(nodes, net.norm, x))  # (B, 1, 1)
    return nodes.add("Squeeze", logits, nodes.constant([1, 2]))


def _layer(nodes: Nodes, layer: Layer, x: str, keys: Positions, kept: int) -> str:
    """Output (B, Q, D) of the last `kept` candles of `x` (B, K, D), which are at positions `keys`."""
    mixed = _attended(nodes, layer, _norm(nodes, layer.attention_norm, x), keys, kept)
    x = nodes.add("Add", _last(nodes, x, kept, len(keys)), nodes.linear(layer.project, mixed))
    norm, widen, _, narrow = cast("tuple[nn.LayerNorm, nn.Linear, nn.GELU, nn.Linear]", layer.feed_forward)
    wide = _gelu(nodes, nodes.linear(widen, _norm(nodes, norm, x)))
    return nodes.add("Add", x, nodes.linear(narrow, wide))


def _attended(nodes: Nodes, layer: Layer, x: str, keys: Positions, kept: int) -> str:
    """What the last `kept` candles of `x` (B, K, D) take from those that they see, (B, Q, D)."""
    queries, width = keys[-kept:], layer.query.out_features // layer.heads
    pair, turned = _heads(nodes, layer.query, layer.heads, _last(nodes, x, kept, len(keys)), kept)
    query = _rotated(nodes, layer, pair, turned, queries, width**-0.5)
    pair, turned, value = _heads(nodes, layer.key_value, layer.heads, x, len(keys))
    key = _rotated(nodes, layer, pair, turned, keys)
    mixed = attention(nodes, (query, key, value), queries, keys, layer.band)  # (1, B, H, Q, W)
    mixed = nodes.add("Transpose", mixed, perm=[0, 1, 3, 2, 4])
    return nodes.add("Reshape", mixed, nodes.constant([-1, kept, layer.project.in_features]))


def _last(nodes: Nodes, x: str, n: int, of: int) -> str:
    """The last `n` candles of `x` (B, T, ...), which are `of`."""
    if n == of:
        return x
    start, end, axis = (nodes.constant([value]) for value in (-n, END, 1))
    return nodes.add("Slice", x, start, end, axis)


def _norm(nodes: Nodes, norm: nn.LayerNorm, x: str) -> str:
    constants = (nodes.constant(weights_of(tensor)) for tensor in (norm.weight, norm.bias))
    return nodes.add("LayerNormalization", x, *constants, axis=-1, epsilon=norm.eps)


def _gelu(nodes: Nodes, x: str) -> str:
    """x times the normal distribution's share below x, exact: torch's default, and no tanh instead of it."""
    share = nodes.add("Erf", nodes.add("Div", x, nodes.constant(math.sqrt(2))))
    share = nodes.add("Add", share, nodes.constant(1.0))
    return nodes.add("Mul", nodes.add("Mul", x, share), nodes.constant(0.5))


def _heads(nodes: Nodes, linear: nn.Linear, heads: int, x: str, length: int) -> list[str]:
    """The maps of `linear` from `x` (B, length, D): the first, the first turned, the others.

    Each is (1, B, H, length, W).
    """
    width = linear.in_features
    weight, bias = (_with_turned(weights_of(rows), width, heads) for rows in (linear.weight, linear.bias))
    n = len(bias) // width
    made = nodes.affine(weight, bias, x)  # (B, length, n D)
    made = nodes.add("Reshape", made, nodes.constant([-1, length, n, heads, width // heads]))
    made = nodes.add("Transpose", made, perm=[2, 0, 3, 1, 4])  # (n, B, H, length, W)
    return nodes.split(made, n)


def _with_turned(rows: Array, width: int, heads: int) -> Array:
    """Weights or bias with rows for (-second, first) after those, D = `width`, for (first, second)."""
    halves = rows[:width].reshape(heads, 2, -1, *rows.shape[1:])
    turned = np.stack([-halves[:, 1], halves[:, 0]], axis=1).reshape(rows[:width].shape)
    return np.concatenate([rows[:width], turned, rows[width:]])


def _rotated(
    nodes: Nodes, layer: Layer, pair: str, turned: str, positions: Positions, scale: float = 1.0
) -> str:
    """`pair` (first, second) and `turned` (-second, first), (1, B, H, T, W), at `positions`, scaled."""
    cosine, sine = (
        np.tile(weights_of(table)[positions], 2) * np.float32(scale) for table in (layer.cosine, layer.sine)
    )  # (T, W)
    parts = (nodes.add("Mul", x, nodes.constant(by)) for x, by in ((pair, cosine), (turned, sine)))
    return nodes.add("Add", *parts)
