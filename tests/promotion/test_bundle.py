"""Bundles: the graph says what torch says, and the folder is what its manifest says."""

import os

import numpy as np
import pytest
import torch

from tapeline.errors import ArtifactError
from tapeline.nets.export import reference_outputs, to_onnx
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.transformer import Transformer
from tapeline.promotion.bundle import GRAPH, open_bundle, open_graph, pack

FILES = {"model.json": b'{"label": "direction"}\n', "weights.safetensors": b"\x00\x01"}


def make_net(network):
    """A small untrained network."""
    torch.manual_seed(0)
    if network == "lstm":
        return LSTM(4, LstmParams(hidden=8, layers=2, dropout=0.1, bidirectional=False))
    params = TransformerParams(d_model=16, heads=2, layers=2, dropout=0.1, max_length=50)
    return Transformer(4, params, 20)


@pytest.mark.parametrize("network", ["lstm", "transformer"])
def test_the_graph_gives_torchs_numbers_and_the_same_bytes_in_any_folder(network, tmp_path):
    """For any batch size outputs agree to 1e-5; exported elsewhere the bytes are equal and hold no path."""
    net, here = make_net(network), os.getcwd()
    graph = to_onnx(net, 20, 4)
    try:
        os.chdir(tmp_path)
        assert to_onnx(make_net(network), 20, 4) == graph
    finally:
        os.chdir(here)
    assert here.encode() not in graph
    assert b"site-packages" not in graph
    assert b".py" not in graph
    session = open_graph(graph)
    for size in (1, 7):
        windows = torch.randn(size, 20, 4)
        served = session.run(None, {"windows": windows.numpy()})[0]
        np.testing.assert_allclose(served, reference_outputs(net, windows).numpy(), rtol=0, atol=1e-5)


@pytest.fixture(scope="module")
def graph():
    """ONNX bytes of a small LSTM."""
    return to_onnx(make_net("lstm"), 20, 4)


def test_a_bundle_is_named_by_its_content(tmp_path, graph):
    """Same files, same id wherever it lies; one other byte, another id."""
    files = {GRAPH: graph} | FILES
    first = pack(tmp_path / "a", files)
    assert pack(tmp_path / "b", files) == first
    assert pack(tmp_path / "c", files | {"weights.safetensors": b"\x00\x02"}) != first
    bundle = open_bundle(tmp_path / "a")
    assert bundle.description == {"label": "direction"}
    assert bundle.run(np.zeros((3, 20, 4), np.float32)).shape == (3,)


@pytest.mark.parametrize("name", [GRAPH, "model.json", "weights.safetensors", "manifest.json"])
def test_a_bundle_that_was_touched_is_refused(tmp_path, graph, name):
    """A changed or a missing file is named."""
    pack(tmp_path / "a", {GRAPH: graph} | FILES)
    path = tmp_path / "a" / name
    path.write_bytes(path.read_bytes().replace(b"e", b"f", 1) + b" ")
    with pytest.raises(ArtifactError, match="content differs|no whole bundle|does not match"):
        open_bundle(tmp_path / "a")
    path.unlink()
    with pytest.raises(ArtifactError, match="no whole bundle"):
        open_bundle(tmp_path / "a")
