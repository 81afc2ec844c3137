"""A whole training that begins with a bundle: what changes by it, what is recorded, and what is refused."""

import json
import logging
import shutil
from pathlib import Path

import pandas as pd
import pytest
from safetensors.numpy import load_file, save

from tapeline.errors import ParamsError
from tapeline.models.lstm import LSTM
from tapeline.models.transformer import TRANSFORMER
from tapeline.nets import checkpoints
from tapeline.params import Params
from tapeline.training import train as training
from tapeline.training.train import plan_training, train_model
from tests.models.starts import pack_model
from tests.training.test_read_training import START, VALUES, params_of, write_market
from tests.training.test_retraced import SMALL, differences

LOG = logging.getLogger("test")
STARTS = "models/start"
PLACE = Path(STARTS) / LSTM.artifact


def params(refit="none", **changes):
    """Of the small market, keys of `train` changed."""
    return Params(
        params_of(refit=refit)._values
        | {"train": VALUES["train"] | SMALL | {"epochs": 1} | changes}
        | {"model": VALUES["model"] | {"hidden": 4, "layers": 1}}
    )


def until(minute):
    """A span of training and validation that ends with this row."""
    first, last = START.isoformat(), (START + pd.Timedelta(minutes=minute)).isoformat()
    return {"train": [first, first], "validation": [first, last]}


# Of the small market's folds: their own training ends before the rows of these minutes.
ENDS = [224, 274]


@pytest.fixture
def market(tmp_path, monkeypatch):
    """The market, and an LSTM trained on it whose model of the first fold may begin the second."""
    monkeypatch.chdir(tmp_path)
    _, folds = write_market(0)
    assert [(fold.train[1] - START) // pd.Timedelta(minutes=1) for fold in folds] == ENDS
    train_model(LOG, params(epochs=3), LSTM)
    shutil.copytree("models/lstm", "first")
    pack_model("first/fold_0", PLACE, span=until(ENDS[1] - 1))


def trained(**changes):
    """Train once more; the bytes of all that is written, by name."""
    train_model(LOG, params(**changes), LSTM)
    folders = "models/lstm", "data/predictions", "metrics", "plots"
    paths = [path for folder in folders for path in sorted(Path(folder).rglob("*.*")) if path.is_file()]
    return {path.as_posix(): path.read_bytes() for path in paths}


def weights(files):
    """Of each fold."""
    return {name: files[name] for name in sorted(files) if name.endswith("weights.safetensors")}


def first_losses(fold):
    """Training loss of the first epoch."""
    path = Path(f"plots/lstm_history/{fold}/plots/metrics/training_loss.tsv")
    return pd.read_csv(path, sep="\t")["training_loss"].iloc[0]


def test_only_the_folds_that_may_begin_with_it_and_the_same_bytes_come_twice(market, caplog):
    """The first epoch ends elsewhere, in the second fold alone; the log says of both what they begin with."""
    anew = trained()
    before = {fold: first_losses(fold) for fold in ("fold_0", "fold_1")}
    caplog.set_level(logging.INFO)
    begun = trained(start_from=STARTS)
    assert first_losses("fold_0") == before["fold_0"]
    assert first_losses("fold_1") != before["fold_1"]
    same = {name.split("/")[2]: weights(begun)[name] == content for name, content in weights(anew).items()}
    assert same == {"fold_0": True, "fold_1": False}
    lines = [record.getMessage() for record in caplog.records]
    assert any(line.startswith("fold 0: can't begin with lstm-direction ") for line in lines)
    assert any(line.startswith("fold 1: begins with the weights of lstm-direction ") for line in lines)
    assert trained(start_from=STARTS) == begun


def test_it_begins_with_the_very_weights_of_the_bundle(market):
    """With no epoch that is better than none of them: a rate so small that no weight moves far."""
    trained(start_from=STARTS, learning_rate=1e-12, averaging=0.0, weight_decay=0.0)
    found, given = (load_file(Path(path) / "weights.safetensors") for path in ("models/lstm/fold_1", PLACE))
    assert all(found[name] == pytest.approx(values, abs=1e-8) for name, values in given.items())


def test_what_a_fold_began_with_stands_in_its_model_and_in_the_record_of_its_rows(market):
    """Of one that began anew nothing does, and nothing at all without a start."""
    bundle_id = json.loads((PLACE / "manifest.json").read_text())["bundle_id"]
    files = trained(start_from=STARTS)
    origins = [json.loads(files[f"models/lstm/fold_{k}/model.json"])["made_from"] for k in (0, 1)]
    assert origins[1] == origins[0] | {"start": "bundle", "bundle": bundle_id}
    assert set(origins[0]) == {"data", "features", "code"}
    rows = json.loads(files["metrics/detail/lstm_training.json"])["rows"]
    assert rows["fold_1"]["start"] == {"of": "bundle", "bundle": bundle_id, "span": until(ENDS[1] - 1)}
    assert "start" not in rows["fold_0"]
    plain = json.loads(trained()["metrics/detail/lstm_training.json"])["rows"]
    assert all("start" not in record for record in plain.values())


def test_what_follows_from_the_weights_is_made_again_with_its_record(market):
    """As a promotion does it, which trains nothing."""
    begun = params(start_from=str(Path(STARTS).resolve()))  # made again in another folder
    train_model(LOG, begun, LSTM)
    assert differences(begun) == []


@pytest.mark.parametrize(
    ("last", "expected"), [(ENDS[0], [True, True, True]), (ENDS[1], [False, True, True])]
)
def test_a_refitted_model_may_begin_with_it_by_the_same_rule(market, last, expected):
    """Its validation is the end of all candles; the second fold's model is trained, too."""
    pack_model("first/fold_0", PLACE, span=until(last - 1))
    plan = plan_training(params("all", start_from=STARTS), LSTM)
    assert [job.name for job in plan.jobs] == ["fold_0", "fold_1", "refit"]
    assert [job.begun is not None for job in plan.jobs] == expected


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_each_network_of_an_ensemble_begins_with_the_bundles_of_its_place(market, workers):
    """One fold after the other or side by side; another number of networks is refused."""
    trained(seeds=2)
    shutil.copytree("models/lstm", "two")
    with pytest.raises(ParamsError, match="train.seeds is 1 in lstm-direction there, and 2 here"):
        trained(start_from=STARTS, seeds=2)
    pack_model("two/fold_0", PLACE, span=until(ENDS[1] - 1))
    still = {"learning_rate": 1e-12, "averaging": 0.0, "weight_decay": 0.0, "start_from": STARTS, "seeds": 2}
    trained(workers=workers, **still)
    given, ours = (load_file(Path(path) / "weights.safetensors") for path in (PLACE, "models/lstm/fold_1"))
    assert {name.split(".")[1] for name in given} == {"0", "1"}
    assert all(ours[name] == pytest.approx(values, abs=1e-8) for name, values in given.items())


def test_a_network_without_a_bundle_in_the_folder_begins_anew_and_says_so(market):
    """The Transformer, beside an LSTM's."""
    plan = plan_training(params(start_from=STARTS), TRANSFORMER)
    assert plan.starts == ("models/start: holds no transformer-trend to begin with",)
    assert [job.begun for job in plan.jobs] == [None, None]


def test_a_killed_training_takes_no_checkpoint_of_another_start(market, monkeypatch):
    """Its folder is named by what each fold begins with, content and span of the bundle in it."""
    keys = []

    def key_of(record, arrays):
        keys.append(checkpoints.inputs_key(record, arrays))
        raise KeyError

    monkeypatch.setattr(training, "inputs_key", key_of)
    given = load_file("first/fold_0/weights.safetensors")
    others = save({name: values * 2 for name, values in given.items()})
    for start_from, change in [
        (VALUES["train"]["start_from"], lambda: None),
        (STARTS, lambda: None),
        (STARTS, lambda: Path("first/fold_0/weights.safetensors").write_bytes(others)),
    ]:
        change()
        pack_model("first/fold_0", PLACE, span=until(ENDS[1] - 1))
        with pytest.raises(KeyError):
            trained(start_from=start_from)
    assert len(set(keys)) == 3
