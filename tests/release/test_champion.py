"""The champion is judged on what it can't have seen: rows after its training, its labels and the embargo."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapeline.release.champion as champion
from tapeline.closure import ROOT
from tapeline.params import Params
from tapeline.promotion.contract import ModelDescription, Scaling
from tapeline.promotion.gates import FAILED, NOT_JUDGED, PASSED
from tapeline.release.release_gates import judge_loss
from tapeline.splits.candidate import Candidate
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward

N, SEGMENT, LENGTH, HORIZON = 1200, 750, 20, 15
START = pd.Timestamp("2024-01-01", tz="UTC")
MINUTE = pd.Timedelta(minutes=1)
PARAMS = Params.read(ROOT / "params.yaml")
EMBARGO = PARAMS.section("splits", SplitParams).embargo


def feature_table():
    """Two segments of one symbol, some labels missing, some candles filled."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 2, N).astype(float)
    label[rng.random(N) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "symbol": "A",
            "timestamp": START + pd.to_timedelta(np.arange(N) + 1440 * (np.arange(N) >= SEGMENT), unit="min"),
            "segment": (np.arange(N) >= SEGMENT).astype(int),
            "is_filled": rng.random(N) < 0.05,
            "direction": label,
        }
    )


TABLE = feature_table()


def described(span):
    """The champion as its bundle has it, trained on `span`."""
    return ModelDescription(
        network="lstm", context={"sequence_length": LENGTH}, features=(), label="direction",
        horizon=HORIZON, interval="1m", span=span, made_from={}, scaler=Scaling(mean=(), std=()),
    )  # fmt: skip


@settings(max_examples=settings.default.max_examples // 2)
@given(train=st.integers(0, N - 1), validation=st.integers(0, N - 1), first=st.integers(0, N - 1))
def test_no_row_is_within_reach_of_the_champions_training(train, validation, first):
    """Whichever part of it ended last; every row that is left was predicted, has a label and its window."""
    ends = {"train": TABLE["timestamp"][train], "validation": TABLE["timestamp"][validation]}
    model = described({part: (str(START), str(end)) for part, end in ends.items()})
    fold = np.arange(first, N) >= (first + N) // 2  # the last one's model is what ships
    predictions = TABLE.loc[first:, ["symbol", "timestamp"]].assign(prediction=0.5, fold=fold.astype(int))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(champion.FeatureStore, "read", lambda *_, **__: TABLE.copy())
        patched.setattr(champion.pd, "read_parquet", lambda _: predictions)
        patched.setattr(champion, "read_candidate", lambda _: Candidate(3, is_refit=False))
        # Where the last fold's test has no whole window, no other fold speaks of the model that ships.
        assert champion.common_rows(model, ("A",), ("A",), PARAMS).empty
        patched.setattr(champion, "read_candidate", lambda _: Candidate(2, is_refit=False))
        rows = champion.common_rows(model, ("A",), ("A",), PARAMS)
        patched.setattr(
            champion, "read_candidate", lambda _: Candidate(2, is_refit=True)
        )  # every fold's rows are taken
        of_all = champion.common_rows(model, ("A",), ("A",), PARAMS)
    # A label of the last row of its training lies HORIZON candles on, and so far a row can know of it.
    since = max(ends.values()) + (HORIZON + EMBARGO) * MINUTE
    in_segment = np.where(np.arange(N) < SEGMENT, np.arange(N), np.arange(N) - SEGMENT)
    expected = (
        (TABLE["timestamp"] > since) & (in_segment >= LENGTH - 1) & (np.arange(N) >= first)
    ).to_numpy()
    is_scorable = (TABLE["direction"].notna() & ~TABLE["is_filled"]).to_numpy()
    own = expected & (np.arange(N) >= predictions.index[predictions["fold"] == predictions["fold"].max()][0])
    for found, rows_expected in ((rows, own), (of_all, expected)):
        assert found["row"].tolist() == np.flatnonzero(rows_expected).tolist()
        assert (found["is_scorable"].to_numpy() == is_scorable[rows_expected]).all()
        label = TABLE["direction"].to_numpy()[rows_expected & is_scorable]
        assert (found.loc[found["is_scorable"], "label"].to_numpy() == label).all()


def test_a_symbol_that_the_champion_never_saw_is_no_contest(monkeypatch):
    """In production it would answer nothing there: the candidate can't win on it."""
    both = pd.concat([TABLE, TABLE.assign(symbol="B")], ignore_index=True)
    both["symbol"] = both["symbol"].astype("category")
    model = described(dict.fromkeys(("train", "validation"), (str(START), str(TABLE["timestamp"][100]))))
    monkeypatch.setattr(champion.FeatureStore, "read", lambda *_, **__: both.copy())
    monkeypatch.setattr(champion, "read_candidate", lambda _: Candidate(1, is_refit=False))
    predictions = both[["symbol", "timestamp"]].assign(prediction=0.5, fold=0)
    monkeypatch.setattr(champion.pd, "read_parquet", lambda _: predictions)
    of_one, of_both = (
        champion.common_rows(model, ("A", "B"), known, PARAMS) for known in (["A"], ["B", "A"])
    )
    assert set(of_one["symbol"]) == {"A"}
    assert len(of_both) == 2 * len(of_one) > 0


def test_its_gap_is_that_of_the_folds(monkeypatch):
    """An embargo in other units than candles moves the champion's first row as it moves the folds' parts."""
    hours = pd.Timedelta(hours=7)
    model = described(dict.fromkeys(("train", "validation"), (str(START), str(TABLE["timestamp"][100]))))
    monkeypatch.setattr(SplitParams, "gap", lambda self, horizon, step: horizon * step + hours)
    monkeypatch.setattr(champion.FeatureStore, "read", lambda *_, **__: TABLE.copy())
    monkeypatch.setattr(champion, "read_candidate", lambda _: Candidate(1, is_refit=False))
    predictions = TABLE[["symbol", "timestamp"]].assign(prediction=0.5, fold=0)
    monkeypatch.setattr(champion.pd, "read_parquet", lambda _: predictions)
    rows = champion.common_rows(model, ("A",), ("A",), PARAMS)
    assert rows["timestamp"].min() == TABLE["timestamp"][100] + (HORIZON + 1) * MINUTE + hours
    splits = PARAMS.section("splits", SplitParams)
    (fold, *_) = walk_forward(splits, Span(60 * 1440, 0, 1440), HORIZON)
    assert fold.validation.start - fold.train.stop == HORIZON + 7 * 60


def contest(ours, theirs, n=6000):
    """Both on one symbol's candles, their probability of what came; one in ten has no label."""
    rng = np.random.default_rng(3)
    label = rng.integers(0, 2, n).astype(float)
    scorable = rng.random(n) < 0.9
    rows = pd.DataFrame({"bar": np.arange(n), "label": np.where(scorable, label, np.nan)})
    for name, of_true in (("prediction", ours), ("champion", theirs)):
        p = np.clip(of_true + rng.normal(0, 0.05, n), 0.01, 0.99)
        rows[name] = np.where(label == 1, p, 1 - p)
    bundle = SimpleNamespace(model=described({}))
    return champion.ChampionRows(
        rows=rows.assign(is_scorable=scorable), predictor=SimpleNamespace(bundle=bundle)
    )


def test_a_candidate_that_surely_loses_more_is_refused():
    """The champion's log loss less its own, on rows with a label; a better one, or one as good, passes."""
    for ours, theirs, status in ((0.6, 0.7, FAILED), (0.7, 0.6, PASSED), (0.6, 0.6, PASSED)):
        made = contest(ours, theirs)
        found = champion.compare(made, PARAMS)
        rows = made.rows[made.rows["is_scorable"]]
        chance = [
            np.where(rows["label"] == 1, rows[name], 1 - rows[name]) for name in ("champion", "prediction")
        ]
        assert found.gain == pytest.approx(np.mean(np.log(chance[1]) - np.log(chance[0])))
        assert found.low < found.gain < found.high
        assert found.rows == len(rows)
        assert judge_loss("lstm-direction", "v1.0.0", found).status == status


def test_few_rows_decide_nothing():
    """Not judged, which is not passed."""
    found = champion.compare(contest(0.6, 0.7, n=500), PARAMS)
    assert "too few" in found.why
    assert judge_loss("lstm-direction", "v1.0.0", found).status == NOT_JUDGED
