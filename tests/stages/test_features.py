"""The stage on small candles: what it writes is what its rule says, row by row and symbol by symbol."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

import stages.features as stage
from tapeline.closure import ROOT
from tapeline.outputs import write_table
from tapeline.store.feature_store import FeatureStore
from tapeline.store.tables import write_months
from tests.candles import random_candles, with_gaps

SYMBOLS, HORIZON, N = ("BTC-USD", "ETH-USD"), 15, 4000
GROUPS = "returns", "leader"  # switched on; the longest lookback of these is the warm-up


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Candles of two symbols, with gaps and a border of segments, and the tables that the stage wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("features"))
        values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
        values["data"] |= {"symbols": list(SYMBOLS), "workers": 1}
        values["labels"] = {"horizon": HORIZON}
        values["features"]["groups"] = {name: name in GROUPS for name in values["features"]["groups"]}
        with open("params.yaml", "w") as file:
            YAML(typ="safe").dump(values, file)
        candles = {}
        for k, symbol in enumerate(SYMBOLS):
            candles[symbol] = with_gaps(random_candles(N, seed=k, gap_at=2000 + 100 * k), 0.1, seed=k)
            write_table(f"data/candles/{symbol}.parquet", candles[symbol])
        stage.main(logging.getLogger("test_features"))
        store = FeatureStore("data/features")
        tables = {symbol: store.read(symbol) for symbol in SYMBOLS}
        yield candles, tables, {feature.name: feature for feature in store.schema(SYMBOLS[0]).features}


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_labels_are_those_of_the_candles_fifteen_ahead_of_the_same_segment(run, symbol):
    """Direction and Kaufman's efficiency ratio by a loop over the candles; unknown past the segment's end."""
    candles, tables, _ = run
    own, table = candles[symbol], tables[symbol]
    close, segment = own["close"].to_numpy(), own["segment"].to_numpy()
    position = pd.Series(np.arange(len(own)), index=own["timestamp"])
    labels = table[["direction", "trend_strength"]].to_numpy()
    for i, (direction, strength) in zip(position[table["timestamp"]], labels, strict=True):
        end = i + HORIZON
        if end >= len(own) or segment[end] != segment[i] or close[end] == close[i]:
            assert np.isnan(direction)
        else:
            assert direction == float(close[end] > close[i])
            way = np.abs(np.diff(close[i : end + 1])).sum()
            assert strength == pytest.approx(abs(close[end] - close[i]) / way)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_segments_first_rows_go_and_no_other(run, symbol):
    """As many as the longest lookback less one."""
    candles, tables, features = run
    warm_up = max(feature.lookback for feature in features.values()) - 1
    kept = [part["timestamp"].iloc[warm_up:] for _, part in candles[symbol].groupby("segment")]
    assert tables[symbol]["timestamp"].tolist() == pd.concat(kept).tolist()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_return_is_of_this_candle_and_those_before_it(run, symbol):
    """Not of the next one, nor of the other symbol."""
    candles, tables, _ = run
    own, table = candles[symbol].set_index("timestamp"), tables[symbol]
    change = np.log(own["close"]).diff(5)
    np.testing.assert_allclose(table["return_5"], change[table["timestamp"]], rtol=1e-7, atol=1e-15)


def test_a_leaders_move_is_known_a_candle_late(run):
    """A follower's row has the leader's last return before its own candle opened, real closes alone."""
    candles, tables, _ = run
    leader, table = candles[SYMBOLS[0]], tables[SYMBOLS[1]]
    real = leader[~leader["is_filled"]].set_index("timestamp")["close"]
    minute = pd.Timedelta(minutes=1)
    checked = 0
    for time, found in zip(table["timestamp"], table["leader_return_1"], strict=True):
        if time - minute in real.index and time - 2 * minute in real.index:
            assert found == pytest.approx(np.log(real[time - minute] / real[time - 2 * minute]), rel=1e-7)
            checked += 1
    assert checked > 500


def test_inputs_beyond_candles_are_columns_of_their_own_group_and_move_nothing_else(
    run, tmp_path, monkeypatch
):
    """Between features and labels; versions are others, and the other columns' bits the same."""
    candles, tables, features = run
    monkeypatch.chdir(tmp_path)
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    own = {"file": "f.parquet", "known_at": "t", "delay_s": 0, "symbol": "s", "columns": {"rate": "value"}}
    values["data"] |= {"symbols": list(SYMBOLS), "workers": 1, "extra_path": "."}
    values["data"]["extra"] = {"funding": own | {"max_age": 60}}
    values["labels"] = {"horizon": HORIZON}
    values["features"]["groups"] = {name: name in GROUPS for name in values["features"]["groups"]}
    with open("params.yaml", "w") as file:
        YAML(typ="safe").dump(values, file)
    for symbol in SYMBOLS:
        write_table(f"data/candles/{symbol}.parquet", candles[symbol])
    closes = candles[SYMBOLS[1]]["timestamp"].iloc[::30] + pd.Timedelta(minutes=1)
    rows = [pd.DataFrame({"t": closes, "s": s, "rate": float(k)}) for k, s in enumerate(SYMBOLS, 1)]
    pd.concat(rows).to_parquet("f.parquet")
    stage.main(logging.getLogger("test_features"))
    store = FeatureStore("data/features")
    names = [f"extra_funding_{name}" for name in ("rate", "rate_change", "age")]
    assert list(store.schema(SYMBOLS[0]).groups) == [*features, *names]
    assert store.schema(SYMBOLS[0]).feature_version == store.schema(SYMBOLS[1]).feature_version
    for k, symbol in enumerate(SYMBOLS, 1):
        table = store.read(symbol)
        pd.testing.assert_frame_equal(table.drop(columns=names), tables[symbol])
        assert set(table["extra_funding_rate"]) <= {0.0, float(k)}
        at = table[table["timestamp"].isin(closes - pd.Timedelta(minutes=1))]
        assert len(at) > 50
        assert (at["extra_funding_age"] == 0).all()
        assert (at["extra_funding_rate"] == k).all()


def make_tables(folder, candles, patch):
    """Run the stage in `folder` on `candles`; return what it said and the bytes of every file."""
    patch.chdir(folder)
    for symbol in SYMBOLS:
        write_months(Path(f"data/candles/{symbol}.parquet"), candles[symbol])
    said = []
    with patch.context() as inner:
        log = logging.getLogger("test_features_kept")
        inner.setattr(log, "info", lambda line, *rest: said.append(str(line)))
        stage.main(log)
    files = [path for path in Path("data/features").rglob("*") if path.is_file()]
    return said[-2:], {str(path): path.read_bytes() for path in files}


def test_an_added_day_and_a_correction_cost_their_months_and_give_the_bytes_of_a_cold_cache(
    run, tmp_path, monkeypatch
):
    """Two days into April; then a candle of March, far from its end; then one within reach of April."""
    long = {s: with_gaps(random_candles(8000, seed=k), 0.05, seed=k) for k, s in enumerate(SYMBOLS)}
    warm = tmp_path / "warm"
    warm.mkdir()
    values = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
    values["data"] |= {"symbols": list(SYMBOLS), "workers": 1}
    values["features"]["groups"] = {name: name in GROUPS for name in values["features"]["groups"]}
    params = tmp_path / "params.yaml"
    with params.open("w") as file:
        YAML(typ="safe").dump(values, file)
    shutil.copy(params, warm)
    border = int((long[SYMBOLS[0]]["timestamp"] < "2025-04-01T00:00Z").sum())

    def moved(row):
        own = long[SYMBOLS[1]]
        return long | {
            SYMBOLS[1]: own.assign(close=own["close"].where(own.index != row, own["close"] * 1.0001))
        }

    steps = [
        ({s: table.iloc[:6500] for s, table in long.items()}, 4, 0),
        (long, 2, 2),
        (moved(1000), 1, 3),
        (moved(border - 20), 2, 2),
    ]
    for k, (candles, computed, kept) in enumerate(steps):
        said, made = make_tables(warm, candles, monkeypatch)
        assert f"{computed} months were computed, {kept} were as earlier runs left them" in said[-1]
        cold = tmp_path / f"cold{k}"
        cold.mkdir()
        shutil.copy(params, cold)
        assert make_tables(cold, candles, monkeypatch)[1] == made
        assert all(table.equals(FeatureStore("data/features").read(s)) for s, table in _read(warm))
    monkeypatch.chdir(warm)
    entry = next(path for path in Path(".cache/features").rglob("*") if path.is_file() and not path.suffix)
    entry.write_bytes(entry.read_bytes()[:-1])
    for path in Path(".cache/features").rglob("*.json"):
        file = path.with_suffix("")
        file.write_bytes(b"PAR1" + file.read_bytes()[4:-1])
    said, again = make_tables(warm, steps[-1][0], monkeypatch)
    assert again == made
    assert "4 months were computed, 0 were" in said[0]
    assert "4 of what was kept in .cache were damaged: they were computed anew" in said[1]


def _read(folder):
    store = FeatureStore(folder / "data/features")
    return [(symbol, store.read(symbol)) for symbol in SYMBOLS]
