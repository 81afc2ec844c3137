"""What a training's proof compares."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tapeline.models.lstm import LSTM
from tapeline.outputs import read_json, write_json
from tapeline.release.proof_training import as_written, trained


@given(st.lists(st.floats(0.5, 1.0), min_size=2, max_size=2))
def test_a_bundles_threshold_is_compared_as_evaluate_writes_it(tmp_path_factory, ends):
    """Through a metrics file, whatever its digits; a threshold by share has them all."""
    path = tmp_path_factory.mktemp("metrics") / "evaluation.json"
    write_json(path, {"A": ends})
    assert as_written(ends) == read_json(path)["A"]


def test_another_threshold_stays_another():
    """Ten digits tell two thresholds apart that differ in the ninth."""
    assert as_written([0.52458339, 1.0]) != as_written([0.52458338, 1.0])
    assert json.loads(json.dumps(as_written([0.7, 1.0]))) == pytest.approx([0.7, 1.0])


@pytest.mark.parametrize("members", [[""], ["member_0", "member_1"]], ids=["alone", "ensemble"])
def test_every_loss_and_weight_of_every_member_is_compared(tmp_path, members):
    """Of a network alone by epoch; of several by epoch and member."""
    folder = tmp_path / "models/lstm/fold_0"
    folder.mkdir(parents=True)
    record = {"features": ["a"], "scaler": {"mean": [0.0], "std": [1.0]}, "calibration": {"kind": "none"}}
    (folder / "model.json").write_text(json.dumps(record))
    save_file({f"{member}.w": np.ones(1) for member in members}, folder / "weights.safetensors")
    for number, member in enumerate(members):
        losses = tmp_path / "plots/lstm_history/fold_0" / member / "plots/metrics"
        losses.mkdir(parents=True)
        for name in ("training_loss", "validation_loss"):
            (losses / f"{name}.tsv").write_text(f"step\t{name}\n1\t{0.5 + number}\n2\t{0.25 + number}\n")
    figures = trained(tmp_path, LSTM, "fold_0")
    for number, member in enumerate(members):
        of = f" {member}" if member else ""
        assert [figures[f"validation_loss of epoch {k}{of}"] for k in (1, 2)] == [0.5 + number, 0.25 + number]
        assert f"weight {member}.w" in figures
    assert len(figures) == 3 + len(members) * 5
