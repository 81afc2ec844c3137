"""Bundles: the graph says what torch says, and the folder is what its manifest says."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.nets.calibration import Calibration
from tapeline.nets.export import Served, reference_outputs, to_onnx
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TransformerParams
from tapeline.nets.prediction import predict_logits
from tapeline.nets.transformer import Transformer
from tapeline.promotion.bundle import GRAPH, open_bundle, open_graph, pack

MODEL = {
    "network": "lstm", "context": {"sequence_length": 20}, "features": ["a", "b", "c", "d"],
    "label": "direction", "horizon": 15, "interval": "1m", "span": {}, "made_from": {},
    "scaler": {"mean": [0.0] * 4, "std": [1.0] * 4},
}  # fmt: skip
INPUT = {"columns": ["timestamp"], "interval": "1m", "leader": None, "symbols": ["A"]}
CONTRACT = {
    "artifact": "lstm-direction",
    "input": INPUT | {"max_fill": 5, "max_filled_share": 0.1},
    "lookback": 3,
    "sequence_length": 20,
    "label": {"name": "direction", "horizon": 15},
    "output": {"name": "probability", "meaning": "that it rises", "low": 0.0, "high": 1.0},
    "later": "a key that this code does not know",
}
FILES = {
    "model.json": json.dumps(MODEL).encode(),
    "contract.json": json.dumps(CONTRACT).encode(),
    "weights.safetensors": b"\x00\x01",
}
PRINTS = {"data": "a", "code": "b"}


CALIBRATIONS = {
    "none": {"kind": "none"},
    "platt": {"kind": "platt", "slope": 1.7, "intercept": -0.2},
    "isotonic": {"kind": "isotonic", "raw": [0.2, 0.45, 0.5, 0.9], "calibrated": [0.1, 0.3, 0.6, 0.7]},
}


def make_served(network, calibration="platt"):
    """A small untrained network, as it would be served."""
    torch.manual_seed(0)
    if network == "lstm":
        net = LSTM(4, LstmParams(hidden=8, layers=2, dropout=0.1, bidirectional=False))
    else:
        params = TransformerParams(d_model=16, heads=2, layers=2, dropout=0.1, max_length=50)
        net = Transformer(4, params, 20)
    return Served(net, Calibration(CALIBRATIONS[calibration])).eval()


@pytest.fixture(scope="module")
def sessions():
    """ONNX sessions of every small network and calibration, made once."""
    return {
        (network, calibration): open_graph(to_onnx(make_served(network, calibration), 20, 4))
        for network in ("lstm", "transformer")
        for calibration in CALIBRATIONS
    }


@pytest.mark.parametrize("network", ["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
@settings(max_examples=25, deadline=None)
@given(
    n_rows=st.integers(20, 150),
    chunk_length=st.integers(20, 50),
    calibration=st.sampled_from(sorted(CALIBRATIONS)),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    seed=st.integers(0, 10**6),
)
def test_a_prediction_is_the_same_number_however_it_is_made(
    sessions, network, n_rows, chunk_length, calibration, scale, seed
):
    """In a batch over the whole series, alone from its last candles, from the ONNX graph: to 1e-5."""
    served = make_served(network, calibration)
    rng = np.random.default_rng(seed)
    features = torch.tensor(rng.normal(size=(n_rows, 4)) * scale, dtype=torch.float32)
    rows, run = np.arange(19, n_rows), np.zeros(n_rows, dtype=np.int64)
    batch = served.calibration(predict_logits(served.net, features, run, rows, 20, chunk_length)).numpy()
    windows = features.unfold(0, 20, 1).transpose(1, 2).contiguous()
    alone = np.array([reference_outputs(served, window[None]).item() for window in windows])
    graph = sessions[network, calibration].run(None, {"windows": windows.numpy()})[0]
    np.testing.assert_allclose(batch, alone, rtol=0, atol=1e-5)
    np.testing.assert_allclose(graph, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("network", ["lstm", "transformer"])
@pytest.mark.parametrize("calibration", CALIBRATIONS)
def test_the_graph_is_the_same_bytes_in_any_folder(network, calibration, tmp_path):
    """Exported elsewhere the bytes are equal and hold no path."""
    served, here = make_served(network, calibration), os.getcwd()
    graph = to_onnx(served, 20, 4)
    try:
        os.chdir(tmp_path)
        assert to_onnx(make_served(network, calibration), 20, 4) == graph
    finally:
        os.chdir(here)
    assert here.encode() not in graph
    assert b"site-packages" not in graph
    assert b".py" not in graph


@pytest.fixture(scope="module")
def graph():
    """ONNX bytes of a small LSTM."""
    return to_onnx(make_served("lstm"), 20, 4)


def test_a_bundle_is_named_by_its_content(tmp_path, graph):
    """Same files and fingerprints, same id wherever it lies; one other byte or hash, another id."""
    files = {GRAPH: graph} | FILES
    first = pack(tmp_path / "a", files, PRINTS)
    assert pack(tmp_path / "b", files, PRINTS) == first
    assert pack(tmp_path / "c", files | {"weights.safetensors": b"\x00\x02"}, PRINTS) != first
    assert pack(tmp_path / "d", files, PRINTS | {"data": "c"}) != first
    bundle = open_bundle(tmp_path / "a")
    assert bundle.model.label == "direction"
    assert bundle.contract.output.name == "probability"
    assert bundle.bundle_id == first
    assert bundle.run(np.zeros((3, 20, 4), np.float32)).shape == (3,)


NAMES = [GRAPH, "model.json", "contract.json", "weights.safetensors", "manifest.json"]


@pytest.fixture
def folder(tmp_path, graph):
    """A whole bundle."""
    pack(tmp_path / "a", {GRAPH: graph} | FILES, PRINTS)
    return tmp_path / "a"


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_that_was_touched_is_refused(folder, name):
    """A changed, cut or missing file is named."""
    path = folder / name
    whole = path.read_bytes()
    for content in (whole.replace(b"e", b"f", 1) + b" ", whole[:-2], b""):
        path.write_bytes(content)
        with pytest.raises(
            ArtifactError, match=rf"{name}: (content differs|can't be read|bundle_id does not)"
        ):
            open_bundle(folder)
    path.unlink()
    with pytest.raises(ArtifactError, match=rf"{name}: is missing"):
        open_bundle(folder)


def test_a_file_that_the_manifest_does_not_know_is_refused(folder):
    """Also in a folder of its own."""
    (folder / "extra").mkdir()
    (folder / "extra/x.py").write_text("")
    with pytest.raises(ArtifactError, match="extra: is foreign"):
        open_bundle(folder)


def test_a_manifest_that_speaks_of_other_files_is_refused(folder):
    """Hashes of a manifest that somebody wrote anew don't add up to its id."""
    manifest = json.loads((folder / "manifest.json").read_text())
    for change in ({"fingerprints": {"data": "x"}}, {"sha256": {}}, {"bundle_id": "0" * 16}):
        (folder / "manifest.json").write_text(json.dumps(manifest | change))
        with pytest.raises(ArtifactError, match="bundle_id does not match its hashes"):
            open_bundle(folder)
    (folder / "manifest.json").write_text("[]")
    with pytest.raises(ArtifactError, match="can't be read"):
        open_bundle(folder)


def test_a_bundle_opens_where_pickle_is_forbidden(folder):
    """No file of it needs code to be read."""
    code = (
        "import pickle\n"
        "def refuse(*args, **kwargs): raise RuntimeError('pickle')\n"
        "pickle.load = pickle.loads = pickle.Unpickler = pickle._Unpickler = refuse\n"
        "import numpy as np\n"
        "from pathlib import Path\n"
        "from tapeline.promotion.bundle import open_bundle\n"
        f"print(open_bundle(Path({str(folder)!r})).run(np.zeros((1, 20, 4), np.float32)).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "(1,)", done.stderr
