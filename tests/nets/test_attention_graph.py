"""Attention's written graph gives every query what torch's gives it, in blocks or at once."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.nets.attention_graph import attention
from tapeline.nets.nodes import Nodes
from tapeline.nets.transformer import banded_attention
from tapeline.onnx_model import make_model
from tests.nets.graphs import served

WIDTH = 4


@settings(max_examples=30, deadline=None)
@given(band=st.integers(1, 4), n_keys=st.integers(1, 40), less=st.integers(0, 6), seed=st.integers(0, 999))
def test_every_query_gets_what_torch_gives_it(band, n_keys, less, seed):
    """Where the first ones lack keys, too: a weighted sum of all that comes out is the same."""
    torch.manual_seed(seed)
    windows, n_queries = torch.randn(2, n_keys, 3 * WIDTH), max(1, n_keys - less)
    weights = torch.randn(n_queries, WIDTH)
    query, key, value = (part[:, None] for part in windows.split(WIDTH, dim=2))  # (B, 1, K, W)
    mixed = banded_attention(query[:, :, -n_queries:], key, value, band)
    nodes = Nodes()
    parts = nodes.add("Reshape", "windows", nodes.constant([-1, 1, n_keys, 3, WIDTH]))
    query, key, value = nodes.split(nodes.add("Transpose", parts, perm=[3, 0, 1, 2, 4]), 3)
    query = nodes.add("Gather", query, nodes.constant(np.arange(n_keys)[-n_queries:]), axis=3)
    query = nodes.add("Mul", query, nodes.constant(WIDTH**-0.5))
    positions = np.arange(n_keys) + seed
    found = attention(nodes, (query, key, value), positions[-n_queries:], positions, band)
    found = nodes.add("Mul", found, nodes.constant(weights.numpy()))
    nodes.add("ReduceSum", found, nodes.constant([0, 2, 3, 4]), name="probability", keepdims=0)
    model = make_model("attention", nodes.nodes, nodes.constants, (n_keys, 3 * WIDTH))
    expected = (mixed * weights).sum(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(served(model, windows), expected, rtol=0, atol=2e-5)
