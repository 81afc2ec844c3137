"""What trainings leave: every prediction under the fold of the model that made it."""

import numpy as np
import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.nets.calibration import Calibration
from tapeline.nets.folds import FoldResult, FoldRows, TrainingTable
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.nets.prediction import Predictor
from tapeline.nets.scaler import Scaler
from tapeline.params import Params
from tapeline.training.trained import TrainedFold, TrainingOutputs, trained_fold

N = 60
PARAMS = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text()))
TRAIN = PARAMS.section("train", TrainParams)


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
        [{"epoch": 1, "training_loss": 0.7, "validation_loss": 0.7}],
        (0.7, 0.7),
        1.0,
        np.full(rows.validation.size, value),
        np.full(rows.test.size, value),
        {"one": np.full(some.size, value)} if some.size else {},
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
    candles = TrainingTable(np.zeros((N, 1)), np.zeros(N), np.zeros(N, np.int64), np.zeros(N, np.int64), 1)
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
    result = FoldResult(predictor, [], Scaler(np.zeros(1), np.ones(1)), record, 1.0, (0.7, 0.6))
    candles = TrainingTable(features.numpy(), np.zeros(N), run, run, 1)
    rows = rows_of((0, 20), (20, 40), (45, 60))
    found = trained_fold(result, rows, candles, {}, params)
    for part in ("validation", "test"):
        logits = predictor.logits(getattr(rows, part)).double().numpy()
        assert getattr(found, part) == pytest.approx(1 / (1 + np.exp(-(3.0 * logits + 0.4))), abs=1e-6)
