"""What controls learn from, and what was known of the past when a candle closed."""

import re

import numpy as np
import pandas as pd
import pytest

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.errors import DataError
from tapeline.evaluation.controls import Learned
from tapeline.models.table import MODELS
from tapeline.outputs import write_table
from tapeline.schema import DIRECTION, LABELS, TIMESTAMP_TYPE, TREND_STRENGTH
from tapeline.scoring.controls import (
    baseline_files,
    control_predictions,
    learned_of,
    rule_predictions,
    stored_predictions,
)
from tapeline.scoring.rows import add_past
from tapeline.splits.folds import TimeFold
from tapeline.store.feature_store import FeatureStore

N, HORIZON = 900, 5
START, MINUTE = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1)
SPANS = [((0, 300), (310, 400), (410, 600)), ((300, 600), (610, 700), (710, 900))]
FOLDS = [TimeFold(*((START + a * MINUTE, START + b * MINUTE) for a, b in spans)) for spans in SPANS]


def table_of(seed=0):
    """One symbol's rows with two segments, labels and what lies before them."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "symbol": pd.Categorical(["A"] * N),
            "timestamp": START + np.arange(N) * MINUTE,
            "segment": (np.arange(N) >= 450).astype(int),
            "is_filled": rng.random(N) < 0.05,
            DIRECTION: rng.integers(0, 2, N).astype(float),
            TREND_STRENGTH: rng.random(N),
        }
    )
    return add_past(table, LABELS, HORIZON)


def market():
    """The rows of all tests, and their folds."""
    table = table_of()
    tests = [table[fold.mask(table["timestamp"], "test")].assign(fold=k) for k, fold in enumerate(FOLDS)]
    return table, pd.concat(tests, ignore_index=True)


def learned_from(label, *tables):
    """What rules know of `tables`, of A, B..., once they are stored."""
    symbols = tuple("AB"[: len(tables)])
    schema = {"feature_version": "v", "horizon": HORIZON, "interval": "1m", "features": []}
    for symbol, table in zip(symbols, tables, strict=True):
        stored = table[["timestamp", "segment", "is_filled", *LABELS]].astype({"timestamp": TIMESTAMP_TYPE})
        FeatureStore("data/features").write(symbol, stored, schema)
    return learned_of(symbols, label, FOLDS, HORIZON)


@pytest.mark.parametrize("label", LABELS)
def test_rules_know_their_folds_training_rows_alone(label, tmp_path, monkeypatch):
    """Whatever else they are told of other rows, what they know is the same; by the rule, of all symbols."""
    monkeypatch.chdir(tmp_path)
    tables = table_of(), table_of(1)
    first = learned_from(label, *tables)
    for k, fold in enumerate(FOLDS):
        masks = [fold.mask(table["timestamp"], "train") for table in tables]
        rows = pd.concat([t[m & ~t["is_filled"]] for t, m in zip(tables, masks, strict=True)])
        assert first[k].mean == pytest.approx(rows[label].mean())
        assert first[k].went_on == pytest.approx((rows[label] == rows[f"past_{label}"]).mean())
        other = tuple(
            table.assign(**{label: np.where(mask, table[label], 1 - table[label])})
            for table, mask in zip(tables, masks, strict=True)
        )
        second = learned_from(label, *other)
        assert second[k].mean == first[k].mean
        # A fold's first labels repeat those before its training, known then: they may have changed.
        assert second[k].went_on == pytest.approx(first[k].went_on, abs=2 * HORIZON / masks[0].sum())
        assert second[1 - k] != first[1 - k]


@pytest.mark.parametrize("label", LABELS)
def test_rules_predict_by_what_their_own_fold_knows(label):
    """Another fold's figures move no number of it."""
    _, rows = market()
    known = [Learned(0.3, 0.6), Learned(0.8, 0.9)]
    first = rule_predictions(rows, known, label)
    second = rule_predictions(rows, [known[0], Learned(0.1, 0.7)], label)
    is_first = (rows["fold"] == 0).to_numpy()
    for name, values in first.items():
        assert not np.isnan(values).any()
        assert np.array_equal(values[is_first], second[name][is_first])
    assert any(not np.array_equal(values, second[name]) for name, values in first.items())


@pytest.mark.parametrize("label", LABELS)
def test_baselines_are_read_row_by_row(label, tmp_path, monkeypatch):
    """From files with more rows than are asked for, in any order; one that lacks a row is named."""
    monkeypatch.chdir(tmp_path)
    table, rows = market()
    rows["fold"] = pd.Categorical(rows["fold"], categories=range(len(FOLDS)))
    rng, said = np.random.default_rng(3), {}
    for kind in KINDS[label]:
        said[kind] = rng.random(len(rows))
        stored = rows[["symbol", "timestamp"]].assign(fold=rows["fold"].astype(int), prediction=said[kind])
        path = f"data/predictions/baselines/{file_name(label, kind)}.parquet"
        write_table(path, stored.assign(symbol="A"))
    asked = rows.sample(frac=0.5, random_state=1)
    files = {kind: f"data/predictions/{file}.parquet" for kind, file in baseline_files(label).items()}
    found = {kind: stored_predictions(file, table, asked, FOLDS) for kind, file in files.items()}
    assert list(found) == list(KINDS[label])
    assert all(np.array_equal(found[kind], said[kind][asked.index]) for kind in found)
    write_table(path, stored.assign(symbol="A").drop(index=7))
    missing = re.escape(f"A {rows['timestamp'][7]} of fold 0 is not predicted; run `dvc repro")
    with pytest.raises(DataError, match=missing):
        stored_predictions(path, table, rows, FOLDS)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_is_measured_against_all_that_is_simpler(model, tmp_path, monkeypatch):
    """Against rules; a network against every baseline of its label; an ensemble against its members, too."""
    monkeypatch.chdir(tmp_path)
    table, rows = market()
    files = {kind: f"baselines/{file_name(model.label, kind)}" for kind in KINDS[model.label]}
    files |= {each.name: each.name for each in MODELS}
    rng = np.random.default_rng(3)
    said = {name: rng.random(len(rows)) for name in files}
    for name, file in files.items():
        stored = rows[["symbol", "timestamp", "fold"]].assign(prediction=said[name])
        write_table(f"data/predictions/{file}.parquet", stored.astype({"symbol": "category"}))
    beside = {
        "baseline_direction": [], "baseline_trend": [], "lstm": list(KINDS[DIRECTION]),
        "transformer": list(KINDS[TREND_STRENGTH]),
        "ensemble_direction": [*KINDS[DIRECTION], "lstm", "baseline_direction"],
    }[model.name]  # fmt: skip
    known = [Learned(0.5, 0.5)] * len(FOLDS)
    found = control_predictions(table, rows, FOLDS, known, model)
    assert list(found) == [*rule_predictions(rows, known, model.label), *beside]
    assert all(np.array_equal(found[name], said[name]) for name in beside)


def test_a_past_label_is_the_one_that_has_just_become_known():
    """That of `horizon` candles ago, whose last candle is this one; none at a segment's beginning."""
    table = table_of()
    for label in LABELS:
        past = table[f"past_{label}"].to_numpy()
        for begin, end in ((0, 450), (450, N)):
            assert np.isnan(past[begin : begin + HORIZON]).all()
            assert np.array_equal(past[begin + HORIZON : end], table[label].to_numpy()[begin : end - HORIZON])
