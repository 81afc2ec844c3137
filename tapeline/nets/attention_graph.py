"""Banded causal attention as ONNX nodes. B batch, H heads, W head width, K keys, Q queries."""

import numpy as np
from numpy.typing import NDArray

from tapeline.nets.nodes import Nodes

Positions = NDArray[np.int64]


def attention(
    nodes: Nodes, inputs: tuple[str, str, str], queries: Positions, keys: Positions, band: int
) -> str:
    """As `transformer.banded_attention`, of queries that are scaled already: (1, B, H, Q, W).

    inputs : queries, keys and values, (1, B, H, Q or K, W), at positions `queries` and `keys`
    Where there are more than four bands of queries, blocks of them share the keys that any of them sees.
    """
    if len(queries) <= 4 * band:
        return _under_mask(nodes, inputs, _sees(queries, keys, band))
    query, key, value = inputs
    n_queries = len(queries)
    place = np.arange(-(-n_queries // (2 * band)) * 2 * band).reshape(-1, 2 * band)
    place = np.minimum(place, n_queries - 1)  # (blocks, block); what the last lacks is the last query again
    queries = queries[place]
    query = nodes.add("Gather", query, nodes.constant(place), axis=3)  # (1, B, H, blocks, block, W)
    near = queries[:, :1] + np.arange(1 - band, 2 * band)  # (blocks, block + band - 1)
    taken = nodes.constant(np.clip(near, keys[0], keys[-1]) - keys[0])
    key, value = (nodes.add("Gather", x, taken, axis=3) for x in (key, value))
    is_seen = _sees(queries, near, band) & (near >= keys[0])[:, None]
    mixed = _under_mask(nodes, (query, key, value), is_seen)  # (1, B, H, blocks, block, W)
    mixed = nodes.add("Reshape", mixed, nodes.constant([0, 0, 0, queries.size, -1]))
    start, end, axis = (nodes.constant([number]) for number in (0, n_queries, 3))
    return nodes.add("Slice", mixed, start, end, axis)


def _sees(queries: Positions, keys: Positions, band: int) -> NDArray[np.bool_]:
    """Whether queries at positions (..., Q) see keys at (..., K): (..., Q, K)."""
    distance = queries[..., :, None] - keys[..., None, :]
    is_seen: NDArray[np.bool_] = (distance >= 0) & (distance < band)
    return is_seen


def _under_mask(nodes: Nodes, inputs: tuple[str, str, str], is_seen: NDArray[np.bool_]) -> str:
    """Attention of inputs (1, B, H, ..., Q or K, W) under the mask (..., Q, K)."""
    query, key, value = inputs
    *axes, before_last, last = range(3 + is_seen.ndim)
    scores = nodes.add("MatMul", query, nodes.add("Transpose", key, perm=[*axes, last, before_last]))
    if not is_seen.all():
        scores = nodes.add("Add", scores, nodes.constant(np.where(is_seen, 0.0, -np.inf)))
    return nodes.add("MatMul", nodes.add("Softmax", scores, axis=-1), value)
