"""A network's graph: written where that is known, traced where not, and the same in any process."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.nets import export
from tapeline.nets.calibration import Calibration
from tapeline.nets.ensemble import as_one
from tapeline.nets.export import Served, to_model, to_onnx
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams
from tapeline.onnx_model import to_bytes
from tests.models.gru.tapeline.nets.gru import GRU
from tests.nets.graphs import (
    PLAIN,
    assert_written_and_equal,
    drawn,
    drawn_lstm,
    drawn_transformer,
    served,
    windows_of,
)

RECORDS = {
    "none": PLAIN,
    "platt": {"kind": "platt", "slope": 1.7, "intercept": -0.2},
    "isotonic": {
        "kind": "isotonic", "raw": [0.5, 0.6, 0.9], "calibrated": [0.5, 0.52, 0.8], "is_symmetric": True,
    },
}  # fmt: skip
MAKERS = {"lstm": drawn_lstm, "transformer": drawn_transformer}


@settings(max_examples=20, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(sorted(MAKERS)), min_size=1, max_size=3),
    calibration=st.sampled_from(sorted(RECORDS)), batch=st.sampled_from([1, 5]), seed=st.integers(0, 10**6),
)  # fmt: skip
def test_an_ensemble_is_the_calibrated_mean_of_its_members_logits(kinds, calibration, batch, seed):
    """Of one to three networks, of whichever kinds, by whichever calibration."""
    torch.manual_seed(seed)
    net = as_one([MAKERS[kind]() for kind in kinds])
    assert_written_and_equal(net, windows_of(batch, 9, 3), RECORDS[calibration])


class Opposite(LSTM):
    """An LSTM that says the opposite."""

    def last(self, windows):
        """Logits (B,), turned round."""
        return -super().last(windows)


@pytest.mark.parametrize("is_beside_another", [False, True])
def test_a_network_that_only_descends_from_a_written_one_is_traced(monkeypatch, is_beside_another):
    """Its graph would say what its ancestor says; so is an ensemble that holds one."""
    opposite = Opposite(3, LstmParams(hidden=4, layers=1, dropout=0.0, bidirectional=False))
    net = as_one([drawn_lstm(), opposite] if is_beside_another else [opposite])
    monkeypatch.setattr(export, "traced_model", lambda *given: given)
    whole = Served(net, Calibration(PLAIN))
    assert to_model(whole, 9, 3) == (whole, (9, 3))


@pytest.mark.slow
def test_a_network_without_a_graph_of_its_own_is_traced(tmp_path, monkeypatch):
    """It says what torch says of any batch; in another folder it has the same bytes, and no path in them."""
    torch.manual_seed(1)
    whole = Served(as_one([drawn_lstm(), drawn(GRU(3, 4), 1.5)]), Calibration(RECORDS["platt"]))
    model = to_model(whole, 9, 3)
    for batch in (1, 5):
        windows = windows_of(batch, 9, 3)
        with torch.no_grad():
            np.testing.assert_allclose(served(model, windows), whole(windows).numpy(), rtol=0, atol=1e-6)
    monkeypatch.chdir(tmp_path)
    graph = to_onnx(whole, 9, 3)
    assert graph == to_bytes(model)
    assert not [text for text in (str(ROOT), "site-packages", ".py") if text.encode() in graph]


ELSEWHERE = """
import hashlib, sys
import torch
from tapeline.nets import export
from tapeline.nets.calibration import Calibration
from tapeline.nets.ensemble import as_one
from tapeline.nets.export import Served, to_onnx
from tests.nets.test_export import MAKERS, RECORDS
torch.manual_seed(3)
net = as_one([make() for make in MAKERS.values()])
print(hashlib.sha256(to_onnx(Served(net, Calibration(RECORDS["isotonic"])), 9, 3)).hexdigest())
"""


@pytest.mark.slow
def test_another_process_in_another_folder_writes_the_same_bytes(tmp_path):
    """Whatever order its sets have."""
    torch.manual_seed(3)
    net = as_one([make() for make in MAKERS.values()])
    graph = to_onnx(Served(net, Calibration(RECORDS["isotonic"])), 9, 3)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout.strip() == hashlib.sha256(graph).hexdigest(), done.stderr
