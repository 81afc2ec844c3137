"""What a training's proof compares."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from tapeline.errors import ProofError
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.lstm import LSTM
from tapeline.outputs import read_json, write_json, write_table
from tapeline.release.proof_compare import Comparison
from tapeline.release.proof_training import as_written, prove_ensembles, trained
from tests.release.test_proof_compare import known, table


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


@pytest.mark.parametrize("entry", ENSEMBLES, ids=lambda entry: entry.name)
@pytest.mark.parametrize("late", [0.5, 0.6], ids=["the same", "another"])
def test_what_an_ensemble_says_of_validation_is_compared(tmp_path, entry, late):
    """As the copy averages it, in which the fold is the first: of every row before the test."""
    ours, theirs = tmp_path / "run", tmp_path / "copy"
    path = f"data/predictions/{entry.name}_validation.parquet"

    def write(root, fold, last):
        rows = table(range(4), prediction=[0.5, 0.4, 0.5, last]).assign(symbol="A", fold=fold)
        write_table(root / path, rows.astype({"symbol": "category"}))

    def run(stage):
        assert stage == "ensembles"
        write(theirs, 0, late)

    write(ours, 2, 0.5)
    copy, comparison = SimpleNamespace(folder=theirs, run=run), Comparison()
    given = (ours, theirs), ("fold_2", "fold_0"), {"A": known(range(9), range(9), 6)}, comparison, copy
    if late == 0.5:
        prove_ensembles(*given)
        assert comparison.compared == 4
        return
    with pytest.raises(ProofError, match="^ensembles: A: prediction of .* is 0.5, and 0.6 once"):
        prove_ensembles(*given)
