"""What controls learn from, and what was known of the past when a candle closed."""

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.evaluation.params import EvaluationParams
from tapeline.params import Params
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH
from tapeline.scoring.controls import control_predictions
from tapeline.scoring.rows import add_past_labels
from tapeline.splits.folds import TimeFold

N, HORIZON = 900, 5
START, MINUTE = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1)
EVALUATION = Params(YAML(typ="safe").load((ROOT / "params.yaml").read_text())).section(
    "evaluation", EvaluationParams
)
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


@pytest.mark.parametrize("label", [DIRECTION, TREND_STRENGTH])
def test_controls_learn_from_their_folds_training_rows_alone(label):
    """Whatever else they are told of other rows, what they say of a test is the same."""
    evaluation = EVALUATION.model_copy(update={"control_stride": 1})
    features = np.random.default_rng(1).normal(size=(N, 2))
    table = table_of()
    tests = [table[fold.mask(table["timestamp"], "test")].assign(fold=k) for k, fold in enumerate(FOLDS)]
    rows = pd.concat(tests, ignore_index=True)
    first = control_predictions(table, rows, features, FOLDS, label, evaluation)
    assert not any(np.isnan(values).any() for values in first.values())
    for k, fold in enumerate(FOLDS):
        other = table.copy()
        is_train = fold.mask(table["timestamp"], "train")
        for name in (label, f"past_{label}"):
            other.loc[~is_train, name] = 1 - other.loc[~is_train, name]
        second = control_predictions(other, rows, features, FOLDS, label, evaluation)
        mine = (rows["fold"] == k).to_numpy()
        for name, values in first.items():
            assert np.array_equal(values[mine], second[name][mine]), name
        learners = [name for name in first if name not in ("last_return", "reversal", "persistence")]
        assert any(not np.array_equal(first[name], second[name]) for name in learners)


@pytest.mark.parametrize("label", [DIRECTION, TREND_STRENGTH])
def test_any_number_of_workers_says_the_same(label):
    """To the last bit, in this process or in others."""
    features = np.random.default_rng(1).normal(size=(N, 2))
    table = table_of()
    tests = [table[fold.mask(table["timestamp"], "test")].assign(fold=k) for k, fold in enumerate(FOLDS)]
    rows = pd.concat(tests, ignore_index=True)
    one, two = (
        control_predictions(table, rows, features, FOLDS, label, EVALUATION, workers) for workers in (1, 2)
    )
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_past_label_is_the_one_that_has_just_become_known():
    """That of `horizon` candles ago, whose last candle is this one; none at a segment's beginning."""
    table = table_of()
    for label in LABELS:
        past = table[f"past_{label}"].to_numpy()
        for begin, end in ((0, 450), (450, N)):
            assert np.isnan(past[begin : begin + HORIZON]).all()
            assert np.array_equal(past[begin + HORIZON : end], table[label].to_numpy()[begin : end - HORIZON])
