"""What trainings leave: every prediction under the fold of the model that made it."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.nets.calibration import Calibration
from tapeline.nets.folds import FoldResult, FoldRows, TrainingTable, UsedRows
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.nets.prediction import Predictor
from tapeline.nets.scaler import Scaler
from tapeline.params import Params
from tapeline.training.trained import TrainedFold, TrainingOutputs, trained_fold

N = 60
PARAMS = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text()))
TRAIN = PARAMS.section("train", TrainParams)
SKILL = {"skill": 0.1, "skill_low": 0.05, "skill_high": 0.15, "has_skill": 1, "validation_days": 4}
USED = UsedRows(np.arange(3), np.arange(2), np.ones(2, np.float32), np.arange(4, 6), np.array([[0, 3]]))


def rows_of(train, validation, test):
    """A fold of these spans of rows."""
    part, *rest = (np.arange(*span) for span in (train, validation, test))
    return FoldRows(part, part, *rest)


def trained(rows, value):
    """A fold whose model says `value` everywhere, of a network that was never trained."""
    model = PARAMS.section("model", LstmParams).model_copy(update={"hidden": 2, "layers": 1})
    some = rows.test if rows.test.size else np.empty(0)
    return TrainedFold(
        LSTM(1, model),
        Scaler(np.zeros(1), np.ones(1)),
        {"kind": "none"},
        [{"epoch": 1, "training_loss": 0.7, "validation_loss": 0.7, "member": 0}],
        (0.7, 0.7),
        SKILL,
        1.0,
        np.full(rows.validation.size, value),
        np.full(rows.test.size, value),
        {"one": np.full(some.size, value)} if some.size else {},
        USED,
    )


@pytest.mark.parametrize("last", [(30, 30), (50, 60)], ids=["refitted", "tested"])
def test_predictions_are_kept_under_the_fold_of_their_model(tmp_path, monkeypatch, last):
    """Also where a fold before has no test, and where the last, refitted, has none by design."""
    monkeypatch.chdir(tmp_path)
    table = pd.DataFrame(
        {
            "symbol": pd.Categorical(["A"] * N),
            "timestamp": pd.date_range("2026-01-12", periods=N, freq="min", tz="UTC", unit="us"),
        }
    )
    candles = TrainingTable(np.zeros((N, 1)), np.zeros(N), *[np.zeros(N, np.int64)] * 3, 1, True)
    contract = {
        "network": "lstm", "architecture": {}, "features": ["a"], "label": "direction", "horizon": 1,
        "interval": "1m", "training": {}, "made_from": {},
    }  # fmt: skip
    outputs = TrainingOutputs(contract, table, candles, TRAIN)
    folds = [
        rows_of((0, 10), (10, 20), (20, 30)),
        rows_of((10, 20), (20, 30), (30, 30)),
        rows_of((20, 30), (30, 50), last),
    ]
    for k, rows in enumerate(folds):
        outputs.add(f"fold_{k}", rows, trained(rows, k / 10))
    outputs.write()
    for suffix, part in (("", "test"), ("_validation", "validation"), ("_shifted", "test")):
        found = pd.read_parquet(f"data/predictions/lstm{suffix}.parquet")
        value = found["one" if suffix == "_shifted" else "prediction"]
        assert (value == found["fold"] / 10).all()
        counts = [getattr(rows, part).size for rows in folds]
        assert found.groupby("fold").size().reindex(range(3), fill_value=0).tolist() == counts
        assert found["fold"].dtype == np.int64


def test_validation_is_predicted_as_the_test_is():
    """Calibrated, each at its own rows: thresholds taken from it are those of what is traded and served."""
    torch.manual_seed(1)
    features = torch.randn(N, 1)
    model = PARAMS.section("model", LstmParams).model_copy(update={"hidden": 2, "layers": 1})
    record = {"kind": "platt", "slope": 3.0, "intercept": 0.4}
    params = TRAIN.model_copy(update={"sequence_length": 4, "chunk_length": 8})
    run = np.zeros(N, np.int64)
    predictor = Predictor(LSTM(1, model).eval(), Calibration(record), features, run, params)
    candles = TrainingTable(features.numpy(), np.zeros(N), run, run, run, 1, True)
    rows = rows_of((0, 20), (20, 40), (45, 60))
    scaler, logits = Scaler(np.zeros(1), np.ones(1)), predictor.logits(rows.validation)
    result = FoldResult(predictor, [], scaler, record, 1.0, (0.7, 0.6), SKILL, USED, logits)
    found = trained_fold(result, rows, candles, {}, params)
    for part in ("validation", "test"):
        logits = predictor.logits(getattr(rows, part)).double().numpy()
        assert getattr(found, part) == pytest.approx(1 / (1 + np.exp(-(3.0 * logits + 0.4))), abs=1e-6)


def test_the_rows_that_were_used_are_recorded_by_symbol(tmp_path, monkeypatch):
    """As they were used and not as they were planned: count, ends, digest, and means of the labels."""
    monkeypatch.chdir(tmp_path)
    times = pd.date_range("2026-01-12", periods=N, freq="min", tz="UTC", unit="us")
    symbols = pd.Categorical(["A"] * 30 + ["B"] * 30)
    table = pd.DataFrame({"symbol": symbols, "timestamp": times})
    numbers, zeros = np.repeat([0, 1], 30), np.zeros(N, np.int64)
    candles = TrainingTable(np.zeros((N, 1)), np.zeros(N), numbers, zeros, zeros, 1, True)
    contract = {
        "network": "lstm", "architecture": {}, "features": ["a"], "label": "direction", "horizon": 1,
        "interval": "1m", "training": {}, "made_from": {},
    }  # fmt: skip
    outputs = TrainingOutputs(contract, table, candles, TRAIN)
    rows = rows_of((0, 40), (40, 50), (50, 60))
    used = UsedRows(
        np.arange(28, 34), np.array([28, 29, 30]), np.array([1, 0, 1], np.float32), np.array([45]),
        np.array([[0, 30], [30, 34]]),
    )  # fmt: skip
    outputs.add("fold_0", rows, dataclasses.replace(trained(rows, 0.5), used=used))
    outputs.write()
    with open("metrics/detail/lstm_training.json") as file:
        found = json.load(file)["rows"]["fold_0"]
    assert found["minimum_context"] == TRAIN.minimum_context
    first = found["trained"]["A"]
    assert (first["rows"], first["first"][:16], first["last"][:16]) == (
        2,
        "2026-01-12T00:28",
        "2026-01-12T00:29",
    )
    assert (first["mean_label"], first["label_moment"]) == (0.5, 0.25)  # (1 * 1/2 + 0 * 2/2) / 2
    assert found["stopped"]["A"]["rows"] == 0
    assert found["stopped"]["B"]["first"].startswith("2026-01-12T00:45")
    assert [found["scaled"][s]["rows"] for s in "AB"] == [2, 4]
    assert found["span_lasts"]["B"]["first"].startswith("2026-01-12T00:33")
    assert len({record["digest"] for record in found["scaled"].values()}) == 2
