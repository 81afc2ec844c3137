"""Rows as they are scored: where they lie, what was known, the ceiling, a model's predictions."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import DataError
from tapeline.outputs import write_table
from tapeline.schema import TIMESTAMP_TYPE
from tapeline.scoring.rows import add_predictions, read_rows, read_validation
from tapeline.splits.folds import TimeFold
from tapeline.store.feature_store import FeatureStore

START, STEP, N, HORIZON = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=5), 40, 3
FOLDS = [
    TimeFold(*((START + a * STEP, START + b * STEP) for a, b in spans))
    for spans in (((0, 8), (8, 14), (14, 22)), ((8, 16), (16, 22), (22, 40)))
]


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """Feature tables of two symbols, the second listed ten candles later, each with a border of segments."""
    monkeypatch.chdir(tmp_path)
    written = {}
    for symbol, first in (("B", 0), ("A", 10)):
        n = N - first
        rng = np.random.default_rng(first)
        times = pd.Series(START + np.arange(first, N) * STEP).astype(TIMESTAMP_TYPE)
        written[symbol] = pd.DataFrame(
            {
                "timestamp": times,
                "segment": (np.arange(n) >= 20).astype(np.int32),
                "is_filled": rng.random(n) < 0.2,
                "direction": rng.integers(0, 2, n).astype(float),
                "trend_strength": rng.random(n),
            }
        )
        schema = {"feature_version": "v", "horizon": HORIZON, "interval": "5m", "features": []}
        FeatureStore("data/features").write(symbol, written[symbol], schema)
    return written


def predict(name, spans):
    """Predictions of symbol B: `spans` of (fold, begin, end) bars."""
    parts = [
        pd.DataFrame(
            {"symbol": "B", "timestamp": START + np.arange(a, b) * STEP, "fold": k, "prediction": 0.5}
        )
        for k, a, b in spans
    ]
    table = pd.concat(parts, ignore_index=True).assign(symbol="B")
    table["timestamp"] = table["timestamp"].astype(TIMESTAMP_TYPE)
    write_table(f"data/predictions/{name}.parquet", table)


def test_rows_say_where_they_lie_on_the_clock_of_all_symbols(tables):
    """Time since the first candle of any symbol, whatever rows are asked for."""
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    assert table["bar"].tolist() == [*range(40), *range(10, 40)]
    assert table["ceiling"].isna().all()


@pytest.mark.parametrize("first", [0, 1, 8, 15, 39, 40])
def test_rows_since_a_time_are_those_of_all_from_there_on(tables, first):
    """The past of the first of them lies before it, and none is missing for that."""
    every = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    since = START + first * STEP
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON, since=since)
    expected = every[every["timestamp"] >= since].reset_index(drop=True)
    pd.testing.assert_frame_equal(table, expected)


def test_past_labels_are_those_of_the_same_segment_and_symbol(tables):
    """What was the label `horizon` candles ago is known now; nothing comes over a border."""
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    for symbol, own in table.groupby("symbol", observed=True):
        label, past = tables[symbol]["direction"].to_numpy(), own["past_direction"].to_numpy()
        for i in range(len(own)):
            is_there = i - HORIZON >= (20 if i >= 20 else 0)
            assert np.isnan(past[i]) != is_there
            assert not is_there or past[i] == label[i - HORIZON]


def test_the_ceiling_is_that_of_the_same_symbol_and_candle(tables):
    """Joined by time, whatever its order and rows more."""
    for symbol, table in tables.items():
        ceiling = pd.DataFrame({"timestamp": table["timestamp"], "probability": np.arange(len(table)) / 100})
        write_table(f"data/candles/ceiling/{symbol}.parquet", ceiling[::-1].reset_index(drop=True))
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    assert table["ceiling"].tolist() == [*(np.arange(40) / 100), *(np.arange(30) / 100)]


def test_ceilings_of_less_than_all_go_beside_it(tables):
    """Each column of the files under its own name, so that none is taken for the ceiling."""
    for symbol, table in tables.items():
        known = {"probability": 0.9, "from_returns": 0.6}
        ceiling = pd.DataFrame({"timestamp": table["timestamp"]}).assign(**known)
        write_table(f"data/candles/ceiling/{symbol}.parquet", ceiling)
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    assert (table["ceiling"] == 0.9).all()
    assert (table["ceiling_from_returns"] == 0.6).all()


def test_what_is_best_said_in_the_tests_goes_beside_it(tables):
    """A window's probability as a ceiling of less, of strength under its name; NaN where no test is."""
    for symbol, table in tables.items():
        best = pd.DataFrame({"timestamp": table["timestamp"]})
        write_table(f"data/candles/ceiling/{symbol}.parquet", best.assign(probability=0.9))
        of_tests = best[-5:].assign(window=0.7, strength_median=0.3).reset_index(drop=True)
        write_table(f"data/ceilings/{symbol}.parquet", of_tests)
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    is_last = [*[False] * 35, *[True] * 5, *[False] * 25, *[True] * 5]
    assert table["ceiling_window"].tolist() == pytest.approx(np.where(is_last, 0.7, np.nan), nan_ok=True)
    assert table["strength_median"].tolist() == pytest.approx(np.where(is_last, 0.3, np.nan), nan_ok=True)


def test_predictions_keep_their_fold_and_only_test_rows_have_some(tables):
    """A fold without a row is still a category; validation of the wrong fold is refused."""
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    predict("lstm", [(0, 14, 22)])
    rows = add_predictions(table, "lstm", FOLDS)
    assert rows["bar"].tolist() == list(range(14, 22))
    assert rows["fold"].cat.categories.tolist() == [0, 1]
    predict("lstm", [(1, 14, 22)])
    with pytest.raises(DataError, match="not in the test part of its fold"):
        add_predictions(table, "lstm", FOLDS)


def test_a_refitted_models_validation_is_of_the_fold_after_the_last(tables):
    """The end of all there is, as long as the last fold's; without refitting there is no such fold."""
    table = read_rows(("B", "A"), minutes=5, horizon=HORIZON)
    predict("lstm_validation", [(0, 8, 14), (1, 16, 22), (2, 34, 40)])
    found = read_validation("lstm", FOLDS, table, is_refit=True, minutes=5)
    assert found["fold"].value_counts().to_dict() == {0: 6, 1: 6, 2: 6}
    with pytest.raises(DataError, match="validation"):
        read_validation("lstm", FOLDS, table, is_refit=False, minutes=5)
