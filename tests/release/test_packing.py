"""What a bundle says of its own: thresholds of the model that is offered, and figures of it alone."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.tiers import add_tiers
from tapeline.closure import ROOT
from tapeline.models.lstm import LSTM
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.promotion.contract import Contract
from tapeline.release.packing import as_json, data_fingerprint, make_contract, own_figures
from tapeline.serving.predictor import Predictor
from tapeline.splits.candidate import Candidate
from tapeline.tiers import NO_TIER
from tapeline.trading.params import TradingParams

FOLDS, N = 3, 1000


@pytest.fixture
def predictions(tmp_path, monkeypatch):
    """Of every fold, as the training leaves them: single precision, many at the same confidence."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(2)
    fold = np.repeat(np.arange(FOLDS), N)
    value = (0.5 + 0.1 * (1 + fold) * rng.uniform(-1, 1, FOLDS * N)).round(3).astype(np.float32)
    table = pd.DataFrame({"fold": fold, "prediction": value.astype(np.float64)})
    write_table("data/predictions/lstm_validation.parquet", table)
    return table


def contract(params, fold):
    """As it is packed, read back from its JSON."""
    feature = SimpleNamespace(name="a", lookback=3, group="returns")
    description = SimpleNamespace(
        label="direction", features=["a"], interval="1m", horizon=15, context={"sequence_length": 5}
    )  # as far as a contract takes it
    store = SimpleNamespace(schema=lambda symbol: SimpleNamespace(features=[feature]))
    made = make_contract(LSTM, description, params, store, fold)
    return Contract.read(as_json(made.plain()), "contract.json")


@pytest.mark.parametrize("fold", range(FOLDS))
def test_served_tiers_are_those_of_the_offered_models_own_validation(predictions, fold):
    """Every prediction, also one at a threshold, is answered with the tier that evaluate gave it."""
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["data"]["source"] = "files"
    params = Params(values)
    signals = TradingParams.read(params).signals
    rows = predictions[predictions["fold"] == fold]
    expected = add_tiers(rows, signals, predictions)["tier"]
    predictor = Predictor.__new__(Predictor)
    predictor.bundle = SimpleNamespace(contract=contract(params, fold))
    served = predictor.tiers(rows["prediction"].to_numpy())
    assert served == [None if tier == NO_TIER else signals.tier_names[tier] for tier in expected]
    assert served.count("A") >= 0.01 * N


def test_tiers_by_confidence_are_served_as_the_params_have_them(predictions):
    """Whatever validation says."""
    params = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text()))
    said = contract(params, 0).tiers
    assert (said.tier_by, said.tiers["A"]) == ("confidence", (0.7, 1.0))


def test_another_bundle_that_weights_descend_from_is_other_data():
    """Without one the fingerprint is that of candles and folds, as in bundles before."""
    assert data_fingerprint({"data": "d", "code": "c"}) == "d"
    of = {name: data_fingerprint({"data": "d", "bundle": name, "start": "bundle"}) for name in "ab"}
    assert len({"d", *of.values()}) == 3
    assert data_fingerprint({"data": "d", "bundle": "a", "start": "fold_0"}) == of["a"]


def test_own_figures_are_named_after_the_model_they_are_of():
    """A refitted one carries the walk-forward's, and that is said."""
    metrics = {"lstm": {"accuracy_all": 0.6, "candidate_accuracy_all": 0.5}, "ftmo": {"breached": 0}}
    own = {"lstm": {"accuracy_all": 0.5}, "ftmo": {}}
    assert own_figures(Candidate(3, is_refit=False).record, metrics) == {
        "model": "fold_2", "figures_of": "fold_2",
    } | own  # fmt: skip
    assert (
        own_figures(Candidate(3, is_refit=True).record, metrics)
        == {"model": "refit", "figures_of": "walk_forward"} | own
    )
