"""What a training reads: rows of each fold by the rule, features beside their own candles, provenance."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.models.lstm import LSTM
from tapeline.models.transformer import TRANSFORMER
from tapeline.nets.params import TrainParams
from tapeline.outputs import read_json, write_json
from tapeline.params import Params
from tapeline.schema import DIRECTION
from tapeline.splits.folds import fold_record, on_calendar
from tapeline.splits.lengths import Span
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward
from tapeline.store.feature_store import FeatureStore
from tapeline.training import train as training

VALUES = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
START, MINUTE, SYMBOLS, HORIZON = pd.Timestamp("2026-01-12", tz="UTC"), pd.Timedelta(minutes=1), ("B", "A"), 7
FEATURES = [{"name": name, "group": "trend", "lookback": 3, "meaning": "made up"} for name in ("one", "two")]
LENGTH, MINIMUM, SHARE = 12, 5, 0.25
TRAIN = Params(VALUES).section("train", TrainParams)
TRAIN = TRAIN.model_copy(update={"sequence_length": LENGTH, "minimum_context": MINIMUM})


def params_of(**promotion):
    """The shipped params for two symbols."""
    data = VALUES["data"] | {"symbols": list(SYMBOLS), "max_filled_share": SHARE}
    return Params(VALUES | {"data": data, "labels": {"horizon": HORIZON}, "promotion": promotion})


def write_market(seed, n=400, embargo=9):
    """Tables of two symbols with gaps, filled candles and missing labels, and folds as splits cuts them."""
    rng = np.random.default_rng(seed)
    store, tables = FeatureStore("data/features"), {}
    for number, symbol in enumerate(SYMBOLS):
        table = pd.DataFrame(
            {
                "timestamp": pd.DatetimeIndex(START + np.arange(n) * MINUTE).as_unit("us"),
                "segment": np.cumsum(rng.random(n) < 0.02).astype(np.int32),
                "is_filled": rng.random(n) < 0.2,
                # Each value names its symbol and candle: a row out of place is seen.
                "one": 1000.0 * number + np.arange(n),
                "two": -1000.0 * number - np.arange(n),
                DIRECTION: np.where(rng.random(n) < 0.1, np.nan, rng.integers(0, 2, n)),
                "trend_strength": rng.random(n),
            }
        )
        schema = {
            "feature_version": "v1",
            "input_version": f"of {symbol}",
            "horizon": HORIZON,
            "interval": "1m",
        }
        store.write(symbol, table, schema | {"features": FEATURES})
        tables[symbol] = table
    splits = SplitParams(mode="rolling", folds=2, train=200, validation=60, test=50, embargo=embargo)
    cut = walk_forward(splits, Span(n, 0, 1), HORIZON)
    folds = [on_calendar(fold, START, MINUTE) for fold in cut]
    timestamp = pd.concat([table["timestamp"] for table in tables.values()])
    write_json("data/splits.json", {"folds": [fold_record(fold, timestamp) for fold in folds]})
    none = Path(VALUES["train"]["start_from"])
    none.parent.mkdir(parents=True, exist_ok=True)
    none.touch()
    return tables, folds


def context_of(segment, row, longest):
    """Rows up to `row` of its segment, at most `longest`, by the rule."""
    first = row
    while first > 0 and row - first + 1 < longest and segment[first - 1] == segment[row]:
        first -= 1
    return slice(first, row + 1)


def rows_by_the_rule(tables, fold):
    """Numbers of the rows that teach, stop and are predicted in a fold, counted through both tables."""
    found = {"train": [], "validation": [], "test": []}
    before = 0
    for symbol in SYMBOLS:
        table = tables[symbol]
        names = "segment", "is_filled", DIRECTION, "timestamp"
        segment, is_filled, label, time = (table[name].tolist() for name in names)
        for row in range(len(table)):
            context = context_of(segment, row, LENGTH)
            size = context.stop - context.start
            few_filled = sum(is_filled[context]) <= SHARE * size
            has_label = not np.isnan(label[row]) and not is_filled[row]
            usable = {
                "train": has_label and size >= MINIMUM,
                "validation": has_label and size >= LENGTH,
                "test": size >= LENGTH,
            }
            for part, is_usable in usable.items():
                start, end = getattr(fold, part)
                if start <= time[row] < end and is_usable and few_filled:
                    found[part].append(before + row)
        before += len(table)
    return found


@settings(max_examples=5)
@given(seed=st.integers(0, 10**6))
def test_rows_of_every_fold_are_those_of_the_rule(tmp_path_factory, seed):
    """Training rows with a label and some context, validation with a whole window, test without its label."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("training"))
        tables, folds = write_market(seed)
        table, candles, rows = training.read_training(
            params_of(refit="none"), TRAIN, DIRECTION, ["one", "two"]
        )
        for fold, found in zip(folds, rows, strict=True):
            for part, expected in rows_by_the_rule(tables, fold).items():
                assert getattr(found, part).tolist() == expected, part
        number = table["symbol"].cat.codes.to_numpy()
        minute = ((table["timestamp"] - START) // MINUTE).to_numpy()
        assert np.array_equal(
            candles.features, np.stack([1000.0 * number + minute, -1000.0 * number - minute]).T
        )


@pytest.mark.parametrize(("label", "is_side"), [(DIRECTION, True), ("trend_strength", False)])
def test_days_are_those_of_utc_and_a_direction_is_known_as_one(tmp_path, monkeypatch, label, is_side):
    """Each candle's open, for candles on both sides of a midnight."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(f"{__name__}.START", START - 3 * pd.Timedelta(hours=1))
    write_market(1)
    keys, table, _ = training.read_training(params_of(refit="none"), TRAIN, label, ["one"])
    epoch = pd.Timestamp("1970-01-01", tz="UTC")
    days = [(time.normalize() - epoch).days for time in keys["timestamp"]]
    assert table.day.tolist() == days
    assert len(set(days)) == 2
    assert table.is_direction == is_side


@settings(max_examples=10)
@given(seed=st.integers(0, 10**6), embargo=st.integers(0, 20))
def test_no_label_of_one_part_reaches_into_the_next(tmp_path_factory, seed, embargo):
    """Purged as the splits file has it: a training that cut or shifted its own parts would reach over."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("purge"))
        write_market(seed, embargo=embargo)
        table, _, rows = training.read_training(params_of(refit="none"), TRAIN, DIRECTION, ["one"])
        minute = ((table["timestamp"] - START) // MINUTE).to_numpy()
        for fold in rows:
            assert minute[fold.train].max() + HORIZON + embargo < minute[fold.validation].min()
            assert minute[fold.validation].max() + HORIZON + embargo < minute[fold.test].min()
            assert set(fold.train) <= set(fold.part)


@pytest.fixture
def market(tmp_path, monkeypatch):
    """A written market."""
    monkeypatch.chdir(tmp_path)
    return write_market(0)


def test_a_refit_is_trained_up_to_the_end_and_tested_on_nothing(market):
    """Its validation is the end of all there is, as long as the last fold's."""
    _, folds = market
    table, _, rows = training.read_training(params_of(refit="all"), TRAIN, DIRECTION, ["one"])
    assert len(rows) == len(folds) + 1
    times, last = table["timestamp"], rows[-1]
    length = folds[-1].validation[1] - folds[-1].validation[0]
    assert times.iloc[last.validation].min() >= times.max() + MINUTE - length
    assert not last.test.size
    assert times.iloc[last.part].max() < times.iloc[last.validation].min()


def test_provenance_names_candles_folds_features_and_code(market):
    """Each changes with its own alone: dates of folds are data, an architecture's code is its own."""
    first = training.provenance(SYMBOLS, training.code_of(LSTM))
    assert first == training.provenance(SYMBOLS, training.code_of(LSTM))
    assert first["features"] == "v1"
    other = training.provenance(SYMBOLS, training.code_of(TRANSFORMER))
    assert other["code"] != first["code"]
    assert other | {"code": first["code"]} == first
    folds = read_json("data/splits.json")
    folds["folds"][0]["train"]["end"] = folds["folds"][0]["train"]["start"]
    write_json("data/splits.json", folds)
    moved = training.provenance(SYMBOLS, training.code_of(LSTM))
    assert moved["data"] != first["data"]
    assert moved | {"data": first["data"]} == first
