"""What controls learn from, and what was known of the past when a candle closed."""

import re

import numpy as np
import pandas as pd
import pytest

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.errors import DataError
from tapeline.models.table import MODELS
from tapeline.outputs import write_table
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH
from tapeline.scoring.controls import (
    baseline_files,
    control_predictions,
    rule_predictions,
    stored_predictions,
)
from tapeline.scoring.rows import add_past_labels
from tapeline.splits.folds import TimeFold

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
            "row": np.arange(N),
            DIRECTION: rng.integers(0, 2, N).astype(float),
            TREND_STRENGTH: rng.random(N),
        }
    )
    return add_past_labels(table, HORIZON)


def market():
    """The rows of all tests, and their folds."""
    table = table_of()
    tests = [table[fold.mask(table["timestamp"], "test")].assign(fold=k) for k, fold in enumerate(FOLDS)]
    return table, pd.concat(tests, ignore_index=True)


@pytest.mark.parametrize("label", LABELS)
def test_rules_know_their_folds_training_rows_alone(label):
    """Whatever else they are told of other rows, what they say of a test is the same."""
    table, rows = market()
    first = rule_predictions(table, rows, FOLDS, label)
    assert not any(np.isnan(values).any() for values in first.values())
    for k, fold in enumerate(FOLDS):
        other = table.copy()
        is_train = fold.mask(table["timestamp"], "train")
        for name in (label, f"past_{label}"):
            other.loc[~is_train, name] = 1 - other.loc[~is_train, name]
        second = rule_predictions(other, rows, FOLDS, label)
        mine = (rows["fold"] == k).to_numpy()
        for name, values in first.items():
            assert np.array_equal(values[mine], second[name][mine]), name
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
    found = control_predictions(table, rows, FOLDS, model)
    assert list(found) == [*rule_predictions(table, rows, FOLDS, model.label), *beside]
    assert all(np.array_equal(found[name], said[name]) for name in beside)


def test_a_past_label_is_the_one_that_has_just_become_known():
    """That of `horizon` candles ago, whose last candle is this one; none at a segment's beginning."""
    table = table_of()
    for label in LABELS:
        past = table[f"past_{label}"].to_numpy()
        for begin, end in ((0, 450), (450, N)):
            assert np.isnan(past[begin : begin + HORIZON]).all()
            assert np.array_equal(past[begin + HORIZON : end], table[label].to_numpy()[begin : end - HORIZON])
