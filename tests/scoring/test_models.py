"""A model's figures beside its controls, and the candidate's alone, against a reckoning by hand."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.signals import SignalParams
from tapeline.baselines.kinds import KINDS, file_name
from tapeline.closure import ROOT
from tapeline.evaluation.params import EvaluationParams
from tapeline.models.lstm import LSTM
from tapeline.models.transformer import TRANSFORMER
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.schema import LABELS, TIMESTAMP_TYPE
from tapeline.scoring import models
from tapeline.scoring.models import Scoring, undefined_reasons
from tapeline.scoring.rows import add_past
from tapeline.splits.candidate import Candidate
from tapeline.splits.folds import TimeFold
from tapeline.store.feature_store import FeatureStore

START, MINUTE, N, HORIZON = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1), 3000, 5
SHIPPED = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text()))
QUICK = {"resamples": 100, "block": 60}
EVALUATION = SHIPPED.section("evaluation", EvaluationParams).model_copy(update=QUICK)
SIGNALS = SHIPPED.section("signals", SignalParams).resolved("simulated")
BARS = [((0, 1000), (1010, 1200), (1210, 2000)), ((800, 1800), (1810, 2000), (2010, 3000))]
FOLDS = [TimeFold(*((START + a * MINUTE, START + b * MINUTE) for a, b in spans)) for spans in BARS]


def market():
    """One symbol whose direction hangs a little on its one feature; some labels and candles are missing."""
    rng = np.random.default_rng(3)
    feature = rng.normal(size=N)
    direction = (rng.random(N) < 1 / (1 + np.exp(-feature))).astype(float)
    direction[rng.random(N) < 0.05] = np.nan
    table = pd.DataFrame(
        {
            "symbol": pd.Categorical(["A"] * N),
            "timestamp": pd.Series(START + np.arange(N) * MINUTE).astype(TIMESTAMP_TYPE),
            "segment": 0,
            "is_filled": rng.random(N) < 0.05,
            "direction": direction,
            "trend_strength": np.where(np.isnan(direction), np.nan, rng.random(N)),
            "bar": np.arange(N),
            "ceiling": np.nan,
        }
    )
    return add_past(table, LABELS, HORIZON), feature[:, None]


TABLE, FEATURES = market()


@pytest.fixture
def scoring(tmp_path, monkeypatch):
    """Scoring with predictions of both models on disk: a direction from the feature, a strength of noise."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    guesses = {"lstm": 1 / (1 + np.exp(-FEATURES[:, 0] - rng.normal(size=N))), "transformer": rng.random(N)}
    guesses |= {f"baselines/{file_name(lb, kind)}": rng.random(N) for lb, of in KINDS.items() for kind in of}
    for name, guess in guesses.items():
        for suffix, part in (("", 2), ("_validation", 1)):
            rows = [(k, bar) for k, spans in enumerate(BARS) for bar in range(*spans[part])]
            fold, bar = np.array(rows).T
            table = pd.DataFrame(
                {"symbol": "A", "timestamp": TABLE["timestamp"].to_numpy()[bar], "fold": fold}
            )
            table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True).astype(TIMESTAMP_TYPE)
            write_table(f"data/predictions/{name}{suffix}.parquet", table.assign(prediction=guess[bar]))
            if not suffix:
                shuffled = table.assign(one=rng.permutation(guess[bar]))
                write_table(f"data/predictions/{name}_shifted.parquet", shuffled)
    schema = {"feature_version": "v", "horizon": HORIZON, "interval": "1m", "features": []}
    FeatureStore("data/features").write("A", TABLE[["timestamp", "segment", "is_filled", *LABELS]], schema)
    return Scoring(("A",), HORIZON, TABLE, FOLDS, Candidate(2, is_refit=False), SIGNALS, EVALUATION, 1)


def scorable(fold=None):
    """Bars of the tests that can be scored, and their labels, by the rule: a label and a real candle."""
    bars = np.concatenate([np.arange(*spans[2]) for k, spans in enumerate(BARS) if fold in (None, k)])
    kept = TABLE["direction"].notna().to_numpy()[bars] & ~TABLE["is_filled"].to_numpy()[bars]
    return bars[kept], TABLE["direction"].to_numpy()[bars[kept]]


def test_a_direction_is_scored_on_real_candles_with_a_label_alone(scoring):
    """Accuracy over all folds, and the candidate's over the last one's test."""
    predicted = scoring.read(LSTM)
    declared, detail = scoring.score(predicted)
    metrics = declared.plain()
    guess = pd.read_parquet("data/predictions/lstm.parquet").set_index("timestamp")["prediction"]
    for fold, of in ((None, metrics), (1, detail["candidate"])):
        bars, label = scorable(fold)
        right = (guess[TABLE["timestamp"].to_numpy()[bars]].to_numpy() >= 0.5) == (label == 1)
        assert of["rows"] == len(bars)
        assert of["accuracy_all"] == pytest.approx(right.mean())
    assert metrics["candidate_accuracy_all"] == detail["candidate"]["accuracy_all"]
    n_labels = TABLE["direction"].notna().to_numpy()
    tested = np.concatenate([np.arange(*spans[2]) for spans in BARS])
    assert f"{len(tested):,} test candles predicted, {len(scorable()[0]):,} scored" in predicted.counts
    assert f"left out {(~n_labels[tested]).sum()} without label" in predicted.counts


def test_a_baseline_is_scored_beside_the_model_as_it_is_stored(scoring):
    """On the same rows, whatever the order of its file; accuracy and log loss by hand."""
    path = "data/predictions/baselines/direction_logistic_regression.parquet"
    _, detail = scoring.score(scoring.read(LSTM))
    bars, label = scorable()
    guess = pd.read_parquet(path).set_index("timestamp")["prediction"]
    p = guess[TABLE["timestamp"].to_numpy()[bars]].to_numpy()
    found = detail["controls"]["logistic_regression"]
    assert found["accuracy"] == pytest.approx(((p >= 0.5) == (label == 1)).mean())
    assert found["log_loss"] == pytest.approx(-np.log(np.where(label == 1, p, 1 - p)).mean())


def test_a_group_of_features_is_worth_what_is_lost_without_it(scoring):
    """Log loss with its columns permuted, less the log loss as it is."""
    _, detail = scoring.score(scoring.read(LSTM))
    bars, label = scorable()
    keys = TABLE["timestamp"].to_numpy()[bars]
    columns = (("lstm", "prediction"), ("lstm_shifted", "one"))
    own, without = (
        pd.read_parquet(f"data/predictions/{file}.parquet").set_index("timestamp")[column][keys].to_numpy()
        for file, column in columns
    )
    loss = [-np.log(np.where(label == 1, p, 1 - p)).mean() for p in (own, without)]
    assert detail["importance"]["one"]["added_log_loss"] == pytest.approx(loss[1] - loss[0], rel=1e-6)


def test_tiers_are_cut_by_each_folds_own_validation(scoring):
    """The share that params declare is as confident there; the candidate's ranges are its own fold's."""
    shares = {"A": 0.3, "B": 0.4, "C": 0.5}
    by_share = SIGNALS.model_copy(update={"tier_by": "share", "tier_shares": shares})
    scoring = replace(scoring, signals=by_share)
    predicted = scoring.read(LSTM)
    for fold, spans in enumerate(BARS):
        own = predicted.validation["fold"] == fold
        validation = predicted.validation["prediction"][own]
        assert len(validation) == np.ptp(spans[1])
        sure = np.sort(np.maximum(validation, 1 - validation).to_numpy())
        begin = sure[-round(0.3 * len(sure))]
        test = predicted.test[predicted.test["fold"] == fold]
        confidence = np.maximum(test["prediction"], 1 - test["prediction"])
        assert ((test["tier"] == 0) == (confidence >= begin)).all()
    _, detail = scoring.score(predicted)
    assert detail["candidate"]["tier_ranges"]["A"][0] == begin


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_the_model_that_ships_is_constant_where_its_own_test_is(scoring, name, fold):
    """Whatever the folds before it said."""
    path = f"data/predictions/{name}.parquet"
    table = pd.read_parquet(path)
    write_table(path, table.assign(prediction=table["prediction"].where(table["fold"] != fold, 0.25)))
    _, detail = scoring.score(scoring.read({"lstm": LSTM, "transformer": TRANSFORMER}[name]))
    assert detail["candidate"]["is_constant"] == int(fold == 1)


def test_a_strength_is_scored_by_its_error(scoring):
    """Mean absolute error over the rows with a strength, and the training mean as its control."""
    metrics, detail = scoring.score(scoring.read(TRANSFORMER))
    bars, _ = scorable()
    guess = pd.read_parquet("data/predictions/transformer.parquet").set_index("timestamp")["prediction"]
    error = guess[TABLE["timestamp"].to_numpy()[bars]].to_numpy() - TABLE["trend_strength"].to_numpy()[bars]
    assert metrics.mae == pytest.approx(np.abs(error).mean())
    assert "tier_ranges" not in detail["candidate"]


def test_details_of_all_models_say_of_the_candidate_once(scoring):
    """Beside the pool's: what ships, and every model's own figures."""
    judged = {name: scoring.judge(name) for name in ("lstm", "transformer")}
    assert judged["lstm"].counts == scoring.read(LSTM).counts
    assert judged["lstm"].metrics == scoring.score(scoring.read(LSTM))[0]
    details = scoring.details(judged)
    assert list(details) == ["lstm", "transformer", "candidate"]
    assert "candidate" not in details["lstm"]
    assert details["candidate"]["model"] == "fold_1"
    assert set(details["candidate"]) == {"model", "figures_of", "lstm", "transformer"}


def test_figures_that_mean_nothing_say_so_in_a_line(caplog):
    """Of a fold by its reason, of the candidate if it is none; of a log line, how many are undefined."""
    caplog.set_level(logging.INFO)
    detail = {
        "folds": {"0": {"reason": None}, "1": {"reason": "every label is 0"}},
        "candidate": {"is_constant": 1, "reason": "the model predicts the constant 0.7"},
    }
    lines = ["lstm fold 1: every label is 0", "lstm: no candidate, the model predicts the constant 0.7"]
    assert undefined_reasons("lstm", detail) == lines
    detail["candidate"]["is_constant"] = 0
    assert undefined_reasons("lstm", detail) == lines[:1]


def test_rows_of_a_run_begin_with_the_first_validation_and_ceilings_are_those_of_all_tests(monkeypatch):
    """Of every fold, whichever comes first."""
    asked = []
    monkeypatch.setattr(models, "read_rows", lambda *given: asked.append(given) or TABLE)
    Scoring.of_run(SHIPPED, FOLDS[::-1], Candidate(2, is_refit=False), SIGNALS, EVALUATION)
    assert asked[0][3:] == (FOLDS[0].validation[0], (FOLDS[0].test[0], FOLDS[1].test[1]))
