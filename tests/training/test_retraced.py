"""What follows from a training's weights is made again from them alone, byte for byte."""

import contextlib
import json
import logging
import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load, save

from tapeline.models.lstm import LSTM
from tapeline.nets.models import content_version
from tapeline.params import Params
from tapeline.release.same_outputs import Comparison, first_difference
from tapeline.training.retraced import retrace
from tapeline.training.train import train_model
from tests.training.test_read_training import LENGTH, MINIMUM, SYMBOLS, VALUES, params_of, write_market

SMALL = {
    "sequence_length": LENGTH, "minimum_context": MINIMUM, "chunk_length": 32, "epochs": 2,
    "importance_rows": 20, "workers": 1, "threads": 1, "device": "cpu",
    "calibration": "none",  # none that makes a network without skill a constant
}  # fmt: skip
OUTPUTS = "models/lstm", "data/predictions", "metrics/detail/lstm_training.json"


def trained(refit, **changes):
    """A market, and an LSTM trained on it in the current folder; its params, keys of `train` changed."""
    write_market(0)
    params = Params(
        params_of(refit=refit)._values
        | {"train": VALUES["train"] | SMALL | changes, "model": VALUES["model"] | {"hidden": 4, "layers": 1}}
    )
    train_model(logging.getLogger("test"), params, LSTM)
    assert params.value("data.symbols", tuple[str, ...] | list[str]) == list(SYMBOLS)
    return params


def differences(params):
    """The first of every output, made again elsewhere."""
    project = Path.cwd()
    shutil.copytree("data", "again/data", dirs_exist_ok=True)
    with contextlib.chdir("again"):
        retrace(params, LSTM, project)
    found = [first_difference(Path(path), Path(), Path("again"), Comparison()) for path in OUTPUTS]
    return [each for each in found if each]


@pytest.mark.parametrize("refit", ["none", "all"])
def test_outputs_follow_from_the_weights(tmp_path, monkeypatch, refit):
    """Of every fold, and of a refitted model, which has no test; the course of losses is left out."""
    monkeypatch.chdir(tmp_path)
    params = trained(refit)
    assert differences(params) == []
    again = {
        path.relative_to("again").as_posix()
        for path in Path("again").rglob("*")
        if path.is_file() and "plots" not in path.parts
    }
    assert all(Path(path).read_bytes() == (Path("again") / path).read_bytes() for path in again)
    assert ("models/lstm/refit/weights.safetensors" in again) == (refit == "all")


@pytest.mark.slow
def test_outputs_of_several_seeds_follow_from_their_weights_whatever_the_workers(tmp_path, monkeypatch):
    """Trained side by side they are the same bytes, histories of all members too; made again likewise."""
    found = []
    for workers in (1, 2):
        folder = tmp_path / f"of_{workers}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        params = trained("none", seeds=2, workers=workers)
        written = [
            path
            for part in ("models", "data/predictions", "metrics", "plots")
            for path in Path(part).rglob("*.*")
        ]
        found.append({path.as_posix(): path.read_bytes() for path in sorted(written)})
    assert found[0] == found[1]
    assert {f"plots/lstm_history/fold_1/member_{k}/plots/metrics/training_loss.tsv" for k in (0, 1)} <= set(
        found[0]
    )
    told = json.loads(found[0]["metrics/detail/lstm_training.json"])["folds"]["fold_0"]
    assert [len(told[name]) for name in ("epochs", "best_epoch", "training_loss")] == [2, 2, 2]
    assert differences(params) == []
    assert not Path(".checkpoints/lstm").exists() or not list(Path(".checkpoints/lstm").iterdir())


def test_weights_scaler_or_calibration_of_its_own_are_found(tmp_path, monkeypatch):
    """Each with the version that its content has."""
    monkeypatch.chdir(tmp_path)
    params = trained("none")
    model = Path("models/lstm/fold_0/model.json")
    weights, whole = model.with_name("weights.safetensors").read_bytes(), model.read_bytes()

    def edit(change=lambda record: None, content=weights):
        record = json.loads(whole)
        del record["version"]
        change(record)
        version = content_version(content, record)
        model.write_text(json.dumps({"version": version} | record, indent=2) + "\n")
        model.with_name("weights.safetensors").write_bytes(content)
        return differences(params)

    moved = {name: values * 1.01 for name, values in load(weights).items()}
    (first, *_) = edit(content=save(moved))
    assert first.startswith("data/predictions/lstm.parquet: prediction of row 0, ")
    (first, *_) = edit(lambda record: record["scaler"]["mean"].__setitem__(0, 3.0))
    assert first.startswith("models/lstm/fold_0/model.json: scaler.mean[0] is 3.0, and made again ")
    (first, *_) = edit(
        lambda record: record.update(calibration={"kind": "platt", "slope": 2.0, "intercept": 0.0})
    )
    assert first.startswith("models/lstm/fold_0/model.json: calibration.")
