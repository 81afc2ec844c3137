"""A baseline's bundle at work: one candle at a time it says what scikit-learn, fitted here, says of them."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge

from tapeline.models.baselines import BASELINES
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.serving.stream import Stream
from tests.tiny_run import tiny_run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("promote")]

FOLD = "fold_1"  # of two, whose model is offered
CANDLES = 1100  # of each symbol, fed at the end of its history


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The shared run's folder, and its params."""
    folder = tiny_run(tmp_path_factory)
    return folder, Params.read(folder / "params.yaml")._values


def read_rows(folder, values, names, label):
    """Rows of all symbols with their features, as the tables have them, and what decides who learns."""
    parts = []
    for symbol in values["data"]["symbols"]:
        table = pd.read_parquet(folder / f"data/features/{symbol}.parquet")
        table = table[["timestamp", "segment", "is_filled", *names, label]].assign(symbol=symbol)
        place = table.groupby("segment").cumcount() + 1
        length = place.clip(upper=values["train"]["sequence_length"])
        counted = table["is_filled"].groupby(table["segment"]).cumsum()
        before = counted.groupby(table["segment"]).shift(values["train"]["sequence_length"]).fillna(0)
        few = counted - before <= values["data"]["max_filled_share"] * length
        table["learns"] = (place >= values["train"]["minimum_context"]) & few
        table["learns"] &= table[label].notna() & ~table["is_filled"]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)


def by_scikit_learn(label, record, x, y, baselines):
    """A function of scaled rows: the model that params and the recorded choice describe, fitted here."""
    chosen = record["chosen"]
    if "strength" in chosen:
        if label == "direction":
            rule = LogisticRegression(C=chosen["strength"], solver="lbfgs", max_iter=10_000, tol=1e-9)
            rule.fit(x.astype(float), y)
            return lambda rows: rule.predict_proba(rows.astype(float))[:, 1]
        ridge = Ridge(alpha=1 / chosen["strength"]).fit(x.astype(float), y)
        return lambda rows: np.clip(ridge.predict(rows.astype(float)), 0, 1)
    kind = HistGradientBoostingClassifier if label == "direction" else HistGradientBoostingRegressor
    trees = kind(
        learning_rate=chosen["learning_rate"], max_leaf_nodes=chosen["leaves"], max_iter=chosen["trees"],
        min_samples_leaf=baselines["leaf_rows"], early_stopping=False, random_state=baselines["seed"],
    )  # fmt: skip
    trees.fit(x, y)
    if label == "direction":
        return lambda rows: trees.predict_proba(rows)[:, 1]
    return lambda rows: np.clip(trees.predict(rows), 0, 1)


@pytest.mark.parametrize("entry", BASELINES, ids=lambda entry: entry.name)
def test_what_is_served_is_what_scikit_learn_says(run, entry):
    """Rows, scaler, fit and rounding anew from params and tables; the bundle is fed candles one by one."""
    folder, values = run
    record = read_json(folder / f"models/{entry.name}/{FOLD}/model.json")
    names, label = record["features"], entry.label
    rows = read_rows(folder, values, names, label)
    fold = read_json(folder / "data/splits.json")["folds"][int(FOLD[-1])]
    start, end = (pd.Timestamp(fold["train"][key]) for key in ("start", "end"))
    is_train = rows["timestamp"].between(start, end, inclusive="left").to_numpy()
    mean, std = rows.loc[is_train, names].mean(), rows.loc[is_train, names].std(ddof=0)
    std = std.where(std > 1e-12 * mean.abs(), 1.0)

    def scale(table):
        return np.clip((table[names] - mean) / std, -10, 10).to_numpy(np.float32)

    learned = rows[is_train & rows["learns"].to_numpy()]
    baselines = values["baselines"]
    step = max(baselines["stride"], math.ceil(len(learned) / baselines["rows"]))
    learned = learned.iloc[::step]
    says = by_scikit_learn(label, record, scale(learned), learned[label].to_numpy(), baselines)
    stream = Stream(
        folder / "models/candidate" / entry.artifact, clock=lambda: math.inf, allow_simulated=True
    )
    served = serve(stream, folder, values["data"]["symbols"], entry.artifact)
    merged = served.merge(rows, on=["symbol", "timestamp"], validate="one_to_one")
    assert len(merged) > 300
    assert set(merged["symbol"]) == set(values["data"]["symbols"])
    difference = np.abs(merged["served"].to_numpy() - says(scale(merged)))
    assert difference.max() <= 1e-5
    assert merged["served"].nunique() > 5


def serve(stream, folder, symbols, artifact):
    """The numbers that the bundle answers to the last real candles of all symbols, the leader's first."""
    tables = []
    for place, symbol in enumerate(symbols):
        table = pd.read_parquet(Path(folder) / f"data/candles/{symbol}.parquet")
        table = table[~table["is_filled"]].tail(CANDLES)
        tables.append(table.assign(symbol=symbol, place=place))
    answers = []
    for row in pd.concat(tables).sort_values(["timestamp", "place"]).to_dict("records"):
        answer = stream.feed(row["symbol"], row)
        if answer.status == "predicted":
            number = answer.predictions[artifact].value
            answers.append({"symbol": row["symbol"], "timestamp": row["timestamp"], "served": number})
    return pd.DataFrame(answers)
