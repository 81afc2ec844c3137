"""What is offered of the baselines: the best of validation, in a network's files, whatever tests say."""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from tapeline.baselines.kinds import KINDS, file_name
from tapeline.baselines.stored import load_baseline
from tapeline.models.baselines import BASELINES
from tapeline.outputs import read_json, write_json
from tapeline.store.feature_store import FeatureStore
from tapeline.training.baselines import train_baselines
from tests.training.test_baselines import make_market, quick
from tests.training.test_read_training import SYMBOLS

LOG = logging.getLogger("test")
SUMMARY = "metrics/detail/baselines_training.json"


@pytest.fixture
def folds(tmp_path, monkeypatch):
    """A market in the working directory; its folds."""
    monkeypatch.chdir(tmp_path)
    return make_market()


def stored(name):
    """A table of predictions, symbols as text."""
    return pd.read_parquet(f"data/predictions/{name}.parquet").astype({"symbol": str})


def losses(label, kind, fold):
    """By part, the mean loss of a fold's stored predictions under the market's labels, from the rule."""
    tables = [FeatureStore("data/features").read(symbol) for symbol in SYMBOLS]
    labels = pd.concat(tables).astype({"symbol": str})[["symbol", "timestamp", label, "is_filled"]]
    found = {}
    for part, suffix in (("validation", "_validation"), ("test", "")):
        rows = stored(f"baselines/{file_name(label, kind)}{suffix}")
        rows = rows[rows["fold"] == fold].merge(labels, on=["symbol", "timestamp"])
        rows = rows[rows[label].notna() & ~rows["is_filled"]]
        p, y = rows["prediction"], rows[label]
        each = -np.log(np.where(y == 1, p, 1 - p)) if label == "direction" else (p - y) ** 2
        found[part] = float(np.mean(each))
    return found


def test_every_fold_offers_what_loses_least_on_its_own_validation(folds):
    """Model and predictions are that kind's, byte for byte; a fold may take another than the next."""
    train_baselines(LOG, quick())
    for entry in BASELINES:
        for fold in range(len(folds)):
            of = {kind: losses(entry.label, kind, fold) for kind in KINDS[entry.label]}
            best = min(of, key=lambda kind: of[kind]["validation"])
            name, folder = file_name(entry.label, best), f"fold_{fold}"
            fitted = [Path(f"models/{p}/{folder}") for p in (entry.name, f"baselines/{name}")]
            weights = [(path / "fitted.safetensors").read_bytes() for path in fitted]
            assert weights[0] == weights[1]
            mine, theirs = (read_json(path / "model.json") for path in fitted)
            assert mine == {"network": entry.name} | theirs
            assert (mine["kind"], mine["context"]["reach"]) == (best, 1)
            for suffix in ("", "_validation"):
                said = [stored(f"{n}{suffix}") for n in (entry.name, f"baselines/{name}")]
                own = [table[table["fold"] == fold].reset_index(drop=True) for table in said]
                assert own[0].equals(own[1])


def test_labels_of_the_test_choose_nothing(folds):
    """Where they contradict what is offered, the other kind is the best of the test, and is not offered."""
    record = read_json("data/splits.json")
    write_json("data/splits.json", record | {"folds": record["folds"][:1]})
    train_baselines(LOG, quick())
    path = Path("models/baseline_direction/fold_0/model.json")
    before = read_json(path)
    (other,) = set(KINDS["direction"]) - {before["kind"]}
    said = stored("baseline_direction").set_index(["symbol", "timestamp"])
    for symbol in SYMBOLS:
        store = FeatureStore("data/features")
        table, own = store.read(symbol).drop(columns="symbol"), said["prediction"].loc[symbol]
        at = table["timestamp"].isin(own.index)
        table.loc[at, "direction"] = (own <= 0.5).to_numpy().astype(float)
        store.write(symbol, table, store.schema(symbol))
    train_baselines(LOG, quick())
    assert read_json(path) == before
    of = {kind: losses("direction", kind, 0)["test"] for kind in KINDS["direction"]}
    assert min(of, key=of.get) == other


def test_a_group_is_rotated_within_each_symbols_test(folds):
    """By hand for a linear rule: its column's values of the test, begun elsewhere; the other's stay."""
    store = FeatureStore("data/features")
    for symbol in SYMBOLS:
        schema = store.schema(symbol)
        one, two = schema.features
        grouped = schema.model_copy(update={"features": (one, two.model_copy(update={"group": "volume"}))})
        store.write(symbol, store.read(symbol).drop(columns="symbol"), grouped)
    train_baselines(LOG, quick(leaves=[2], trees=1))  # a single split: the linear rule is better
    model, record = load_baseline(Path("models/baseline_direction/fold_0"))
    assert record["kind"] == "logistic_regression"
    shifted, tests = stored("baseline_direction_shifted"), stored("baseline_direction")
    assert list(shifted.columns) == ["symbol", "timestamp", "fold", "trend", "volume"]
    for symbol in SYMBOLS:
        times, some = (
            table.loc[(table["fold"] == 0) & (table["symbol"] == symbol)].reset_index(drop=True)
            for table in (tests, shifted)
        )
        rows = store.read(symbol).set_index("timestamp").loc[times["timestamp"], record["features"]]
        x = np.clip((rows.to_numpy() - record["scaler"]["mean"]) / record["scaler"]["std"], -10, 10)
        at = times["timestamp"].searchsorted(some["timestamp"])
        for column, group in enumerate(("trend", "volume")):
            found = []
            for shift in range(len(x)):
                moved = x.copy()
                moved[:, column] = np.roll(x[:, column], shift)
                said = 1 / (1 + np.exp(-(moved[at] @ model.weights + model.intercept[0])))
                found += [shift] if np.allclose(said, some[group], atol=1e-5) else []
            assert len(found) == 1
            assert 0.25 * len(x) - 1 <= found[0] <= 0.75 * len(x)
