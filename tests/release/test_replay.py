"""What was packed, fed candles one by one, against what was judged; serving that does otherwise is found."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import tapeline.features.buffer as buffer
import tapeline.serving.stream as stream
from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.promotion.bundle import pack
from tapeline.release.replay import replay
from tapeline.release.replayed_account import near_minimum, near_tier, require_same_trades
from tapeline.serving.answers import Answer
from tapeline.serving.batch import predict_rows
from tapeline.serving.predictor import Predictor
from tapeline.serving.stream import Stream
from tapeline.splits.candidate import Candidate
from tapeline.tiers import NO_TIER
from tapeline.trading.params import TradingParams
from tests.serving.bundles import make_baseline, make_ensemble, market

DIRECTION, TREND = "lstm-direction", "transformer-trend"
LAST, MINIMUM = 140, 0.45  # candles of the test; strength that entries need
TIERS = {"A": (0.52, 1.0), "B": (0.505, 0.52)}  # an untrained network is not sure of much


def params(**promotion):
    """The shipped params for the two symbols, with tiers that trade what an untrained network says."""
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["data"] |= {"symbols": ["AAA-USD", "BBB-USD"]}
    values["instruments"] = {"AAA-USD": "BTCUSD", "BBB-USD": "ETHUSD"}
    values["signals"] |= {
        "tier_by": "confidence", "tiers": {name: list(each) for name, each in TIERS.items()},
        "trade_tiers": ["A", "B"], "minimum_trend": MINIMUM, "stop": 20,
    }  # fmt: skip
    values["costs"]["multiple"] = 0.0
    values["promotion"] |= promotion
    return Params(values)


@pytest.fixture(scope="module")
def packed(bundles, tmp_path_factory):
    """Bundles with the thresholds of `params`."""
    folder = tmp_path_factory.mktemp("packed")
    tiers = {"tiers": TIERS, "trade_tiers": ["A", "B"]}
    repack(bundles[0], folder / DIRECTION, artifact=DIRECTION, tiers=tiers)
    repack(bundles[1], folder / TREND, artifact=TREND, minimum=MINIMUM)
    rule = make_baseline(folder, "direction", "baseline-direction", tiers=tiers)
    make_ensemble(folder, folder / DIRECTION, rule, "ensemble-direction")
    make_baseline(folder, "trend_strength", "baseline-trend", minimum=MINIMUM)
    return folder


def repack(source, target, name="contract.json", /, **changes):
    """Pack the bundle at `source` anew with `changes` of one of its JSON files."""
    files = {path.name: path.read_bytes() for path in source.iterdir()}
    del files["manifest.json"]
    files[name] = json.dumps(json.loads(files[name]) | changes).encode()
    pack(target, files, {})


@pytest.fixture(scope="module")
def predicted(packed):
    """Candles, and by model what the whole table's features give for its last candles: the run's test."""
    tables, predictions = market(600), {}
    tables["BBB-USD"].loc[520:522, ["open", "high", "low"]] = tables["BBB-USD"].loc[519, "close"]
    tables["BBB-USD"].loc[520:522, "close"] = tables["BBB-USD"].loc[519, "close"]
    tables["BBB-USD"].loc[520:522, ["volume", "is_filled"]] = [0.0, True]
    for artifact, network in ((artifact, model.name) for artifact, model in ARTIFACTS.items()):
        alone, parts = Stream(packed / artifact), []
        for symbol, table in tables.items():
            rows = np.arange(len(table) - LAST, len(table))
            values = predict_rows(alone, table, tables["AAA-USD"], rows)[artifact]
            part = pd.DataFrame({"symbol": symbol, "timestamp": table["timestamp"].iloc[rows], "fold": 1})
            parts.append(part.assign(prediction=[each.value for each in values]))
        predictions[network] = pd.concat(parts, ignore_index=True).astype({"symbol": "category"})
    return tables, predictions


@pytest.fixture
def run(predicted, tmp_path, monkeypatch):
    """The run's folder, of which the last fold is the candidate's; returns the tables of predictions."""
    monkeypatch.chdir(tmp_path)
    tables, predictions = predicted
    for symbol, table in tables.items():
        write_table(f"data/candles/{symbol}.parquet", table)
    for network, table in predictions.items():
        write_table(f"data/predictions/{network}.parquet", table)
        write_table(f"data/predictions/{network}_validation.parquet", table)
    return predictions


def replayed(folder, values=None, is_refit=False):
    """The record, of two folds or of one and a refit, and what was told before."""
    told = []
    record = replay(folder, Candidate(1 if is_refit else 2, is_refit), values or params(), told.append)
    return record, told


def test_the_packed_bundles_give_the_runs_predictions_and_trades(run, packed):
    """Every real candle of leader and follower, one right after a filled gap too; its cost is said before."""
    record, told = replayed(packed)
    assert (record.candles, record.of, record.part) == (2 * LAST - 3, 2 * LAST - 3, "test of fold_1")
    assert record.largest_difference < 1e-6
    assert record.trades >= 3
    assert told == ["replay: 277 candles, test of fold_1, fed one by one to what was packed: about 1 s"]


@pytest.mark.slow
def test_an_answer_where_the_run_predicted_nothing_is_found(run, packed):
    """Serving that answers more than what was judged, as where too much of a window is filled."""
    table = run["lstm"]
    left_out = table.index[table["symbol"] == "BBB-USD"][7:9]
    write_table("data/predictions/lstm.parquet", table.drop(left_out).reset_index(drop=True))
    at = re.escape(str(table["timestamp"][left_out[0]]))
    told = rf"^lstm-direction: the bundle answers 0\.\d+ at BBB-USD {at}, where the run predicted nothing, "
    with pytest.raises(ArtifactError, match=told + "and at 1 more: what it says there was never judged$"):
        replayed(packed)
    replayed(packed, is_refit=True)  # whose rows are those with a label


@pytest.mark.slow
def test_a_refitted_bundle_is_replayed_on_its_validation_and_has_no_account(run, packed):
    """It has no test; the record says so."""
    record, _ = replayed(packed, is_refit=True)
    assert (record.part, record.trades, record.candles) == ("validation of refit", None, 2 * LAST - 3)


@pytest.mark.slow
def test_of_a_longer_test_a_stated_part_is_replayed(run, packed):
    """Its end, and what follows gaps before; what was not replayed counts as the run has it."""
    record, told = replayed(packed, params(replay_candles=150))
    assert 100 < record.candles <= 150 < record.of
    assert f"{record.candles} of 277 candles" in told[0]


def clipped(candles, program):
    """Features as serving computes them, but clipped."""
    return np.clip(newest(candles, program), -3, 3)


def leader_lagging(time, leader_time, leader_close, step, max_fill):
    """The leader's close of a candle too early."""
    return close_before(time - step, leader_time, leader_close, step, max_fill)


class LaggingPredictor(Predictor):
    """Predicts from the rows before, each window one candle late."""

    def predict_windows(self, windows):
        """As a buffer that is read before it is written."""
        return super().predict_windows(np.concatenate([windows[:, :1], windows[:, :-1]], axis=1))


newest, close_before = stream.newest, buffer.close_before
SERVING = {
    "it clips features": (stream, "newest", clipped),
    "it lags a candle": (stream, "Predictor", LaggingPredictor),
    "its followers' leader lags": (buffer, "close_before", leader_lagging),
}


@pytest.mark.parametrize("fault", SERVING)
def test_serving_that_does_otherwise_than_the_run_is_found(run, packed, monkeypatch, fault):
    """Each ends in a line with the candle and both numbers."""
    monkeypatch.setattr(*SERVING[fault])
    with pytest.raises(ArtifactError, match=r"the run predicted 0\.\d+ at \S+ 2025.* answers 0\.\d+"):
        replayed(packed)


def test_serving_that_refuses_what_was_scored_is_found(run, packed, monkeypatch):
    """One symbol refused, or one candle."""
    original = Stream._ask

    def refusing(self, key, symbol, missing):
        asked = original(self, key, symbol, missing)
        return Answer(**key, status="gap", reason="it was filled") if missing else asked

    monkeypatch.setattr(Stream, "_ask", refusing)
    with pytest.raises(ArtifactError, match="BBB-USD .*the bundle answers gap .it was filled."):
        replayed(packed)


def test_another_scaler_in_the_bundle_is_found(run, packed, tmp_path):
    """One of a hundredth more spread in one feature."""
    scaler = json.loads((packed / DIRECTION / "model.json").read_text())["scaler"]
    scaler["std"][0] *= 1.01
    repack(packed / DIRECTION, tmp_path / "other" / DIRECTION, "model.json", scaler=scaler)
    for name in set(ARTIFACTS) - {DIRECTION}:
        repack(packed / name, tmp_path / "other" / name)
    with pytest.raises(ArtifactError, match=f"{DIRECTION}: the run predicted"):
        replayed(tmp_path / "other")


def test_a_bundle_without_the_calibration_is_found(run, packed):
    """The run's predictions went through one of a slope of 1.2; the bundle's did not."""
    logit = np.log(run["lstm"]["prediction"] / (1 - run["lstm"]["prediction"]))
    calibrated = run["lstm"].assign(prediction=1 / (1 + np.exp(-1.2 * logit)))
    write_table("data/predictions/lstm.parquet", calibrated)
    with pytest.raises(ArtifactError, match=f"{DIRECTION}: the run predicted"):
        replayed(packed)


@pytest.mark.parametrize(
    ("artifact", "changes", "message"),
    [
        (DIRECTION, {"tiers": {"tiers": TIERS | {"A": (0.53, 1.0)}, "trade_tiers": ["A", "B"]}}, "tiers of"),
        (DIRECTION, {"tiers": {"tiers": TIERS, "trade_tiers": ["A"]}}, "trade_tiers of"),
        ("baseline-direction", {"tiers": {"tiers": TIERS, "trade_tiers": ["B"]}}, "trade_tiers of"),
        (TREND, {"minimum": 0.4}, "minimum of what was packed is 0.4, and of the run 0.45"),
    ],
)
def test_thresholds_other_than_the_runs_are_found(run, packed, tmp_path, artifact, changes, message):
    """Of tiers, of those that trade, of the strength that entries need."""
    for name in ARTIFACTS:
        repack(packed / name, tmp_path / "other" / name, **(changes if name == artifact else {}))
    with pytest.raises(ArtifactError, match=f"{artifact}: {message}"):
        replayed(tmp_path / "other")


@pytest.mark.slow
def test_a_tier_served_otherwise_is_found(run, packed, monkeypatch):
    """Though the numbers are right: all that is confident enough for a tier is called B."""
    original = Predictor.tiers
    monkeypatch.setattr(
        Predictor, "tiers", lambda self, values: [each and "B" for each in original(self, values)]
    )
    with pytest.raises(ArtifactError, match="the run has tier A at .*answers tier B"):
        replayed(packed)


def test_the_first_trade_that_differs_is_named(run, packed):
    """An account without one call against the one with it."""
    trading = TradingParams.read(params())
    direction = run["lstm"].assign(tier=np.int8(0))
    without = direction.assign(
        tier=np.where(np.arange(len(direction)) % LAST < 50, NO_TIER, 0).astype(np.int8)
    )
    assert require_same_trades((direction, run["transformer"]), (direction, run["transformer"]), trading) > 0
    with pytest.raises(ArtifactError, match="trade 0 of its account is [AB]+-USD 2025"):
        require_same_trades((direction, run["transformer"]), (without, run["transformer"]), trading)


def test_borderline_is_what_a_hundred_thousandth_can_turn():
    """About a side, a tier, and the strength that entries need; nothing where they need none."""
    near = near_tier(np.array([0.5, 0.500011, 0.519995, 0.48, 0.6, 0.494995]), TIERS)
    assert near.tolist() == [True, False, True, True, False, True]
    assert near_minimum(np.array([0.45, 0.449995, 0.46]), 0.45).tolist() == [True, True, False]
    assert not near_minimum(np.array([0.0, 1e-6]), 0.0).any()
