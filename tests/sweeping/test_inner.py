"""Inner predictions: of networks that end before the first reported test, made once."""

import numpy as np
import pandas as pd
import pytest

from tapeline.models.lstm import LSTM
from tapeline.models.table import TRADED
from tapeline.params import Params
from tapeline.splits.folds import read_folds
from tapeline.sweeping import inner
from tapeline.sweeping.inner import inner_spans, predict_inner
from tapeline.training.provenance import FEATURES, SPLITS
from tests.models.starts import RECORD, pack_start
from tests.sweeping.market import make_sweep
from tests.trading.shipped import SHIPPED
from tests.training.test_read_training import HORIZON, MINUTE, START, write_market
from tests.tuning.market import EMBARGO, N, search_params, write_folds
from tests.tuning.market import SPLITS as LENGTHS


@pytest.fixture
def params(tmp_path, monkeypatch):
    """Of a small market with features and splits in the current folder."""
    monkeypatch.chdir(tmp_path)
    tables, _ = write_market(0, N)
    write_folds(tables, LENGTHS, HORIZON)
    read = search_params()._values
    named = {name: SHIPPED[name] for name in ("instruments", "costs", "execution", "ftmo", "evaluation")}
    signals = SHIPPED["signals"] | {"hold": None}
    return Params(read | named | {"signals": signals, "train": read["train"] | {"workers": 1}})


def predict(params, ranges):
    """What a sweep over `ranges` trades, and what it says of it."""
    told = []
    return *predict_inner(params, make_sweep(params, ranges), told.append), told


@pytest.mark.parametrize(("hold", "delay"), [(5, 1), (60, 1), (20, 4)])
def test_no_position_of_any_configuration_reaches_a_test(params, hold, delay):
    """The longest hold after the longest delay ends more than the embargo before the first one begins."""
    ranges = {"signals": {"hold": [3, hold]}, "execution": {"latency_s": [0.5, 60.0 * delay]}}
    plan = make_sweep(params, ranges)
    timestamp = pd.Series(pd.date_range(START, periods=N, freq="min"))
    spans = inner_spans(params, timestamp, HORIZON, plan.reach)
    first_test = min(fold.test[0] for fold in read_folds(SPLITS))
    last_decision = max(span.test[1] for span in spans) - MINUTE
    assert last_decision + (delay + hold + EMBARGO) * MINUTE <= first_test
    assert len(spans) == 2


def test_networks_are_trained_once_and_only_those_that_are_asked_for(params, tmp_path, monkeypatch):
    """A second sweep over other signals reads them; other training params make others."""
    ranges = {"signals": {"stop": [2.0, 3.0]}}
    found, first_test, told = predict(params, ranges)
    assert list(found) == [TRADED[0].name]
    assert "training on 2 inner folds, once" in told[0]
    rows = found["lstm"]
    assert set(rows["part"]) == {"validation", "test"}
    assert rows["prediction"].between(0, 1).all()
    assert (rows["timestamp"] < first_test).all()
    monkeypatch.setattr(inner, "_train", None)
    again, _, told = predict(params, {"signals": {"stop": [2.0, 8.0]}})
    assert "are there, in .sweeping/lstm-" in told[0]
    pd.testing.assert_frame_equal(again["lstm"], rows)
    assert not list((tmp_path / ".sweeping").glob("*/checkpoints"))
    other = Params(params._values | {"train": params._values["train"] | {"seed": 99}})
    with pytest.raises(TypeError):
        predict(other, ranges)
    with pytest.raises(TypeError):
        predict(params, {"signals": {"minimum_trend": [0.0, 0.1]}})


def test_nothing_from_the_first_test_on_changes_a_prediction(params, tmp_path):
    """Features and labels behind it are replaced, and the bytes of all that is traded stay."""
    ranges = {"signals": {"stop": [2.0, 3.0]}}
    before, first_test, _ = predict(params, ranges)
    changed = 0
    for path in (tmp_path / FEATURES).glob("*.parquet/*.parquet"):
        table = pd.read_parquet(path)
        is_later = table["timestamp"] >= first_test
        for name in ("one", "two"):
            table.loc[is_later, name] = -table.loc[is_later, name]
        table.loc[is_later, LSTM.label] = 1 - table.loc[is_later, LSTM.label]
        changed += int(is_later.sum())
        rewrite(path, table)
    assert changed > 100
    (tmp_path / ".sweeping").rename(tmp_path / "aside")
    after, _, told = predict(params, ranges)
    assert "training on" in told[0]
    np.testing.assert_array_equal(before["lstm"]["prediction"], after["lstm"]["prediction"])


@pytest.mark.parametrize("late", [0, 1])
def test_inner_folds_begin_with_a_bundle_by_the_rule_of_reported_ones(params, tmp_path, monkeypatch, late):
    """To the candle: of the second inner fold alone the training ends late enough, or of none."""
    plan = make_sweep(params, {"signals": {"stop": [2.0, 3.0]}})
    timestamp = pd.Series(pd.date_range(START, periods=N, freq="min"))
    spans = inner_spans(params, timestamp, HORIZON, plan.reach)
    last = spans[1].train[1] - MINUTE + late * MINUTE
    span = {part: [START.isoformat(), last.isoformat()] for part in ("train", "validation")}
    own = {"architecture": params._values["model"], "span": span, "horizon": HORIZON}
    pack_start(tmp_path / "models/start/lstm-direction", RECORD, **own)
    begun, told = [], []

    def train(model, training, jobs, folder):
        begun.extend(job.begun and job.begun.of for job in jobs)
        return pd.DataFrame({"fold": [job.position for job in jobs]})

    monkeypatch.setattr(inner, "_train", train)
    train_params = params._values["train"] | {"start_from": "models/start"}
    predict_inner(Params(params._values | {"train": train_params}), plan, told.append)
    assert begun == [None, None if late else "bundle"]
    assert sum("LSTM: inner 0: can't begin with lstm-direction" in line for line in told) == 1


def rewrite(path, table):
    """Write other rows under the metadata that a table has."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)
    pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), path)
