"""The stage on predictions made by hand: the candidate beside the pool, and folds that say nothing."""

import json
import logging
import warnings

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import stages.evaluate as evaluate
from tapeline.backtest.signals import SignalParams
from tapeline.baselines.kinds import KINDS, file_name
from tapeline.closure import ROOT
from tapeline.errors import RefereeError
from tapeline.features.labels import direction, trend_strength
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.metrics import gate_metrics
from tapeline.models.table import MODELS, OF_MODELS
from tapeline.outputs import write_json, write_table
from tapeline.params import Params
from tapeline.promotion.gates import FAILED, NOT_JUDGED, GateParams, judge
from tapeline.referee.findings import Findings, Place
from tapeline.schema import PRICES, TIMESTAMP_TYPE
from tapeline.store.feature_store import FeatureStore
from tapeline.tiers import ranges_by_share, tier_numbers
from tests.candles import random_candles

SYMBOLS, FOLDS, HORIZON = ("BTC-USD", "ETH-USD"), 3, 15
WARM_UP, TRAIN, VALIDATION, TEST = 100, 1200, 400, 700  # candles
N = WARM_UP + TRAIN + VALIDATION + FOLDS * TEST
FEATURE = {"name": "known", "group": "one", "lookback": 1, "meaning": "what it knows"}
SCHEMA = {"feature_version": "v", "horizon": 15, "interval": "1m", "features": [FEATURE]}
BASELINES = {f"baselines/{file_name(label, kind)}": label for label, of in KINDS.items() for kind in of}
QUICK = {
    "labels": {"horizon": HORIZON},
    "evaluation": {"resamples": 100, "block": 60},
    "ftmo": {"odds_paths": 200, "odds_days": 5, "control_runs": 3},
}


class Silent(Findings):
    """The findings of a referee who has nothing to say of inputs made by hand."""

    def require_none(self, needed):
        """Agree, though nothing was compared."""


class Run:
    """Inputs of the stage in a folder, and what it wrote; predictions may be changed between."""

    def __init__(self, folder, monkeypatch):
        monkeypatch.chdir(folder)
        # No training leaves inputs like these; on whole runs the referee is asked in test_end_to_end.py.
        self.findings = Silent()
        monkeypatch.setattr(evaluate, "referee", lambda *run: self.findings)
        self.params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
        self.set(**QUICK, data={"symbols": list(SYMBOLS)})
        self.lines = []
        rng = np.random.default_rng(1)
        tables = {}
        for k, symbol in enumerate(SYMBOLS):
            candles = random_candles(N, seed=k)
            candles[list(PRICES)] *= 500
            candles["timestamp"] = pd.date_range("2026-01-12", periods=N, freq="min", tz="UTC", unit="us")
            write_table(f"data/candles/{symbol}.parquet", candles)
            close = candles["close"].to_numpy()
            table = candles[["timestamp", "segment", "is_filled"]].assign(
                direction=direction(close, HORIZON), trend_strength=trend_strength(close, HORIZON)
            )
            table["known"] = rng.normal(size=N)
            tables[symbol] = table
        self.tables = tables
        start, step = table["timestamp"][0], pd.Timedelta(minutes=1)
        self.folds = []
        for k in range(FOLDS):
            test = WARM_UP + TRAIN + VALIDATION + k * TEST
            ends = test - VALIDATION - TRAIN, test - VALIDATION, test, test + TEST
            spans = zip(("train", "validation", "test"), ends[:-1], ends[1:], strict=True)
            times = {part: (start + a * step, start + b * step) for part, a, b in spans}
            self.folds.append(times)
        record = [
            {part: {"start": a.isoformat(), "end": b.isoformat()} for part, (a, b) in fold.items()}
            for fold in self.folds
        ]
        write_json("data/splits.json", {"folds": record})
        self.predictions = {
            f"{network}{suffix}": self._predictions(label, part, rng)
            for network, label in {model.name: model.label for model in MODELS}.items() | BASELINES.items()
            for suffix, part in (("", "test"), ("_validation", "validation"))
        }

    def set(self, **sections):
        """Change params."""
        for name, values in sections.items():
            self.params[name] |= values

    def _predictions(self, label, part, rng):
        """Right six times in ten of a direction, a guess near the strength."""
        parts = []
        for symbol, table in self.tables.items():
            for k, fold in enumerate(self.folds):
                inside = table[table["timestamp"].between(*fold[part], inclusive="left")]
                actual = inside[label].fillna(0.5).to_numpy()
                if label == "direction":
                    right = rng.random(len(actual)) < 0.6
                    guess = 0.5 + np.where(right, 1, -1) * (actual - 0.5) * rng.uniform(0, 0.6, len(actual))
                else:
                    guess = np.clip(actual + rng.normal(0, 0.1, len(actual)), 0, 1)
                parts.append(
                    pd.DataFrame(
                        {
                            "symbol": symbol,
                            "timestamp": inside["timestamp"].to_numpy(),
                            "fold": k,
                            "prediction": guess,
                        }
                    )
                )
        found = pd.concat(parts, ignore_index=True)
        found["timestamp"] = pd.to_datetime(found["timestamp"], utc=True).astype(TIMESTAMP_TYPE)
        return found

    def change(self, name, fold, value):
        """Let the network of a fold predict one value."""
        rows = self.predictions[name]
        self.predictions[name] = rows.assign(prediction=rows["prediction"].where(rows["fold"] != fold, value))

    def evaluate(self):
        """Run the stage without a warning; metrics and details by name."""
        with open("params.yaml", "w") as file:
            YAML(typ="safe").dump(self.params, file)
        for symbol, table in self.tables.items():
            FeatureStore("data/features").write(symbol, table, SCHEMA)
        for name, rows in self.predictions.items():
            write_table(f"data/predictions/{name}.parquet", rows)
        for model in (each for each in MODELS if each not in ENSEMBLES):
            keys = self.predictions[model.name][["symbol", "timestamp", "fold"]].iloc[:0]
            write_table(f"data/predictions/{model.name}_shifted.parquet", keys)
        log = logging.getLogger("test_evaluate")
        log.setLevel(logging.INFO)
        log.handlers = [handler := logging.Handler()]
        handler.emit = lambda record: self.lines.append(record.getMessage())
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            evaluate.main(log)
        names = [f"metrics/{name}" for name in OF_MODELS]
        names += [f"metrics/detail/{name}" for name in ("evaluation", "backtest")]
        found = {name: read(f"{name}.json") for name in names}
        for name, keys in gate_metrics().items():  # in every test: whatever there is to score
            assert name == "promotion" or tuple(found[f"metrics/{name}"]) == keys
        return found


def read(path):
    """JSON without NaN."""
    with open(path) as file:
        return json.load(file, parse_constant=lambda text: pytest.fail(f"{path}: {text}"))


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Inputs of the stage."""
    return Run(tmp_path, monkeypatch)


@pytest.mark.slow
def test_the_candidate_has_scores_and_an_account_of_its_own(run):
    """Those of the last fold's test alone: other folds' predictions don't move them, the pool's do."""
    first = run.evaluate()
    own = run.predictions["lstm"]
    table = pd.concat(t.assign(symbol=s) for s, t in run.tables.items())
    last = own[own["fold"] == FOLDS - 1].merge(table, on=["symbol", "timestamp"])
    last = last[last["direction"].notna()]
    accuracy = ((last["prediction"] >= 0.5) == (last["direction"] == 1)).mean()
    assert first["metrics/lstm"]["candidate_accuracy_all"] == pytest.approx(accuracy)
    account = first["metrics/detail/backtest"]["candidate"]
    assert (account["model"], account["figures_of"]) == ("fold_2", "fold_2")
    assert account["from"] == str(run.folds[-1]["test"][0])
    assert sum(account["daily_net_pnl"].values()) == pytest.approx(account["account"]["net_pnl"])
    assert first["metrics/backtest"]["candidate_net_pnl"] == account["account"]["net_pnl"]
    assert 0 < first["metrics/backtest"]["candidate_trades"] < first["metrics/backtest"]["trades"]
    rows = run.predictions["lstm"]
    turned = rows["prediction"].where(rows["fold"] == FOLDS - 1, 1 - rows["prediction"])
    run.predictions["lstm"] = rows.assign(prediction=turned)
    second = run.evaluate()
    for name, figures in first.items():
        candidate = {key: value for key, value in figures.items() if key.startswith("candidate")}
        assert candidate == {key: second[name][key] for key in candidate}
    assert first["metrics/lstm"]["accuracy_all"] != second["metrics/lstm"]["accuracy_all"]
    assert first["metrics/backtest"]["net_pnl"] != second["metrics/backtest"]["net_pnl"]


@pytest.mark.slow
def test_a_refitted_candidate_carries_the_walk_forwards_figures_and_says_so(run):
    """It has no test; whether it predicts a constant is seen on its own validation."""
    run.set(promotion={"refit": "all"})
    end = run.tables["BTC-USD"]["timestamp"].iloc[-1]
    for network in ("lstm", "transformer"):
        keys = [
            table[table["timestamp"] > end - pd.Timedelta(minutes=200)].assign(symbol=symbol)
            for symbol, table in run.tables.items()
        ]
        refit = pd.concat(keys)[["symbol", "timestamp"]].assign(fold=FOLDS, prediction=0.5)
        name = f"{network}_validation"
        run.predictions[name] = pd.concat([run.predictions[name], refit], ignore_index=True)
    found = run.evaluate()
    for detail in ("evaluation", "backtest"):
        candidate = found[f"metrics/detail/{detail}"]["candidate"]
        assert (candidate["model"], candidate["figures_of"]) == ("refit", "walk_forward")
    assert found["metrics/lstm"]["candidate_accuracy_all"] == found["metrics/lstm"]["accuracy_all"]
    assert found["metrics/backtest"]["candidate_net_pnl"] == found["metrics/backtest"]["net_pnl"]
    assert found["metrics/lstm"]["candidate_is_constant"] == 1
    assert "lstm: no candidate, the model predicts the constant 0.5" in run.lines


def test_a_constant_network_is_told_and_is_no_candidate(run):
    """A line in the log, null figures and a gate that fails; an older fold's is only told."""
    run.change("lstm", 0, 0.7)
    run.change("transformer", FOLDS - 1, 0.3)
    found = run.evaluate()
    assert "lstm fold 0: the model predicts the constant 0.7" in run.lines
    assert "transformer: no candidate, the model predicts the constant 0.3" in run.lines
    assert found["metrics/detail/evaluation"]["transformer"]["folds"]["2"]["rank_correlation"] is None
    assert found["metrics/transformer"]["candidate_rank_correlation"] is None
    gates = Params(run.params).section("gates", GateParams)
    metrics = {name: found[f"metrics/{name}"] for name in ("lstm", "transformer", "backtest", "ftmo")}
    failed = {verdict.gate for verdict in judge(gates, metrics, "2-step") if verdict.status == FAILED}
    assert "transformer.candidate_is_constant" in failed
    assert "lstm.candidate_is_constant" not in failed


@pytest.mark.slow
def test_folds_without_labels_or_of_one_class_do_not_end_the_run(run):
    """Not even where a training has one class: figures are null with a reason, and never NaN."""
    first, second = (fold["test"] for fold in run.folds[:2])
    for table in run.tables.values():
        for label in ("direction", "trend_strength"):
            table.loc[table["timestamp"].between(*first, inclusive="left"), label] = np.nan
        table.loc[table["timestamp"] < first[0], "direction"] = 1.0
        table.loc[table["timestamp"].between(*second, inclusive="left"), "direction"] = 0.0
    found = run.evaluate()
    assert "lstm fold 0: no candle of it could be scored" in run.lines
    assert "transformer fold 0: no candle of it could be scored" in run.lines
    assert "lstm fold 1: every label is 0" in run.lines
    folds = found["metrics/detail/evaluation"]["lstm"]["folds"]
    assert (folds["0"]["rows"], folds["0"]["hit_rate"]) == (0, None)
    assert folds["0"]["reason"] == "no candle of it could be scored"


@pytest.mark.slow
def test_a_candidate_without_a_predicted_candle_has_no_figures_and_is_none(run):
    """The last fold's test lies behind a gap: the pool has figures, what ships has none, and it says why."""
    for name in ("lstm", "transformer", "ensemble_direction"):  # the last is the mean of the first
        rows = run.predictions[name]
        run.predictions[name] = rows[rows["fold"] < FOLDS - 1].reset_index(drop=True)
    found = run.evaluate()
    assert "lstm fold 2: no candle of it could be scored" in run.lines
    assert "lstm: no candidate, no candle of it could be scored" in run.lines
    assert found["metrics/backtest"]["trades"] > 0
    for name in ("lstm", "transformer", "backtest", "ftmo"):
        own = {key: value for key, value in found[f"metrics/{name}"].items() if key.startswith("candidate")}
        assert set(own.values()) <= {None, 0, 1}, name
    account = found["metrics/detail/backtest"]["candidate"]
    assert (account["account"]["net_pnl"], account["reason"]) == (None, "no candle was predicted")
    gates = Params(run.params).section("gates", GateParams)
    metrics = {name: found[f"metrics/{name}"] for name in ("lstm", "transformer", "backtest", "ftmo")}
    failed = {verdict.gate for verdict in judge(gates, metrics, "2-step") if verdict.status == FAILED}
    assert {"lstm.candidate_is_constant", "lstm.candidate_accuracy_all", "ftmo.candidate_breached"} <= failed


def test_a_run_without_any_label_has_null_figures_and_no_candidate(run):
    """Nothing to score in any test: every figure null, both networks refused by their gates."""
    for table in run.tables.values():
        table.loc[table["timestamp"] >= run.folds[0]["test"][0], ["direction", "trend_strength"]] = np.nan
    found = run.evaluate()
    assert found["metrics/lstm"]["rows"] == found["metrics/transformer"]["rows"] == 0
    assert found["metrics/lstm"]["accuracy_all"] is found["metrics/lstm"]["candidate_accuracy_all"] is None
    assert pd.read_csv("plots/reliability.csv").empty


@pytest.mark.slow
def test_tiers_by_share_hold_about_their_share_of_every_test(run):
    """Thresholds of each fold's own validation; the tiers scored are the tiers traded."""
    run.set(signals={"tier_by": "share", "tier_shares": {"A": 0.05, "B": 0.2}})
    found = run.evaluate()
    test, validation = run.predictions["lstm"], run.predictions["lstm_validation"]
    signals = Params(run.params).section("signals", SignalParams)
    table = pd.concat(t.assign(symbol=s) for s, t in run.tables.items())
    has_label = test.merge(table, on=["symbol", "timestamp"])["direction"].notna().to_numpy()
    n_tier_a = 0
    for k in range(FOLDS):
        own = validation.loc[validation["fold"] == k, "prediction"].to_numpy()
        ranges = ranges_by_share(own, signals.tier_shares)
        mine = test.loc[(test["fold"] == k) & has_label, "prediction"].to_numpy()
        n_tier_a += int((tier_numbers(mine, ranges) == 0).sum())
    tiers = found["metrics/detail/evaluation"]["lstm"]["tiers"]
    said = found["metrics/detail/evaluation"]["candidate"]["lstm"]["tier_ranges"]
    for name, ends in ranges.items():  # of the last fold, whose model ships
        assert said[name] == pytest.approx(ends)
    assert tiers["A"]["rows"] == n_tier_a
    assert tiers["B"]["expected_coverage"] == pytest.approx(0.15)
    assert found["metrics/lstm"]["coverage_of_share_tier_a"] == pytest.approx(tiers["A"]["coverage"] / 0.05)
    assert found["metrics/lstm"]["coverage_by_confidence_tier_a"] is None
    assert found["metrics/backtest"]["trades"] > 0
    assert list(found["metrics/detail/backtest"]["tiers"]) == ["A", "B"]
    assert found["metrics/detail/backtest"]["tiers"]["B"]["trades"] == 0


@pytest.mark.slow
def test_an_account_that_ftmo_does_not_watch_is_judged_by_all_other_gates(run):
    """Its metrics are null, the candidate's own too, and no gate of FTMO's passes or fails."""
    run.set(ftmo={"program": "none"})
    found = run.evaluate()
    assert set(found["metrics/ftmo"].values()) == {None}
    gates = Params(run.params).section("gates", GateParams)
    metrics = {name: found[f"metrics/{name}"] for name in ("lstm", "transformer", "backtest", "ftmo")}
    for verdict in judge(gates, metrics, "none"):
        is_ftmo = verdict.gate.startswith("ftmo.")
        assert (verdict.status == NOT_JUDGED and verdict.reason == "ftmo.program is none") == is_ftmo


def test_what_the_referee_contradicts_ends_the_run_behind_its_report(run):
    """The first difference in one line; the report holds it."""
    run.findings = Findings()
    run.findings.equal("figures", "lstm.accuracy_all", 0.8, 0.7, Place())
    with pytest.raises(RefereeError, match="the referee disagrees: lstm.accuracy_all: 0.8, and must be 0.7"):
        run.evaluate()
    report = read("metrics/detail/referee.json")
    assert (report["passed"], report["checks"]["figures"]) == (False, {"compared": 1, "differences": 1})
