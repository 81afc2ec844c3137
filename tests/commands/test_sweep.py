"""`make sweep` on a run: params.yaml has the account of `evaluate`, trials count, tests stay unseen."""

import json
from hashlib import sha256

import pandas as pd
import pytest

from tests.tiny_run import tiny_run
from tests.workshop import Workshop

RANGES = {"signals": {"stop": [4.0, 8.0], "minimum_trend": [0.0, 0.2]}, "costs": {"multiple": [1.0, 2.0]}}
FIGURES = "trades", "net_pnl", "net_pnl_low", "max_drawdown", "max_drawdown_inside", "sharpe_ratio"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A tiny run in which every tier trades, and a sweep over it."""
    shop = Workshop.copied(tiny_run(tmp_path_factory), tmp_path_factory.mktemp("sweep"))
    shop.set_params({"signals": {"trade_tiers": ["A", "B", "C"], "stop": 4.0}, "sweep": {"ranges": RANGES}})
    shop.run("dvc repro -q evaluate")
    shop.commit("traded")
    return shop


@pytest.mark.slow
@pytest.mark.xdist_group("sweep")
def test_on_tests_the_present_account_is_that_of_evaluate_and_all_count(run, tmp_path):
    """Ten digits, as the metrics have them; eight accounts, one of them the run's own trial."""
    shop = Workshop.copied(run.folder, tmp_path / "tests")
    out = shop.run("python -m commands.sweep tests")
    table = pd.read_csv(shop.folder / "reports/sweep.csv")
    present = table[(table["choice"] == 0) & (table["costs.multiple"] == 1.0)].iloc[0]
    metrics = json.loads((shop.folder / "metrics/backtest.json").read_text())
    assert present["trades"] > 0
    for name in FIGURES:
        value = metrics[name]
        assert pd.isna(present[name]) if value is None else present[name] == pytest.approx(value, rel=1e-5), (
            name
        )
    assert len(table) == 4 * 2
    assert (
        len((shop.folder / "trials.jsonl").read_text().splitlines()) == 8 + 1
    )  # the tiny run's own before it
    assert "trials.jsonl (commit it" in out
    assert out.splitlines()[-1].startswith("dvc exp run -S signals.stop=")
    assert "trials for good" in (shop.folder / "reports/sweep.html").read_text()
    count = "from tapeline.release.deflated import *; print(deflate(*map(read_json, sys.argv[1:]))[1])"
    files = "metrics/backtest.json metrics/detail/backtest.json"
    assert shop.run(f"python -c 'import sys; {count}' {files}").split() == ["9"]


@pytest.mark.slow
@pytest.mark.xdist_group("sweep")
def test_on_inner_folds_nothing_from_the_first_test_on_is_seen(run, tmp_path):
    """Other candles, features and labels from then on, and page, table and record are the same bytes."""
    made = []
    for name in ("as_it_is", "changed"):
        shop = Workshop.copied(run.folder, tmp_path / name)
        first_test = json.loads((shop.folder / "data/splits.json").read_text())["folds"][0]["test"]["start"]
        if name == "changed":
            replace_later(shop.folder, pd.Timestamp(first_test))
        out = shop.run("python -m commands.sweep")
        (record,) = (shop.folder / "tuning").glob("*.json")
        assert pd.Timestamp(json.loads(record.read_text())["last_candle"]) < pd.Timestamp(first_test)
        assert json.loads(record.read_text())["tried"] == 8
        assert not (shop.folder / "trials.jsonl").exists()
        assert "training on 1 inner folds" in out
        assert "are there, in .sweeping" in shop.run("python -m commands.sweep")
        files = [shop.folder / "reports/sweep.csv", shop.folder / "reports/sweep.html", record]
        made.append([sha256(path.read_bytes()).hexdigest() for path in files])
    assert made[0] == made[1]


def replace_later(folder, first_test):
    """Turn every price and feature from the first test on."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = ("data/candles/*.parquet/*.parquet", "data/features/*.parquet/*.parquet")
    for path in [path for each in tables for path in folder.glob(each)]:
        schema, table = pq.read_schema(path), pd.read_parquet(path)
        later = table["timestamp"] >= first_test
        for name in table.columns.difference(["timestamp", "segment", "is_filled", "file", "symbol"]):
            if name in ("direction", "trend_strength"):
                table.loc[later, name] = 1 - table.loc[later, name]
            else:
                table.loc[later, name] = table.loc[later, name] * table[name].dtype.type(1.5)
        path.unlink()
        pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), path)


@pytest.mark.slow
@pytest.mark.xdist_group("sweep")
def test_a_mistake_ends_in_a_line_and_make_check_finds_it(run, tmp_path):
    """Before anything is read or trained."""
    shop = Workshop.copied(run.folder, tmp_path / "wrong")
    shop.set_params({"sweep": {"ranges": {"signals": {"stpo": [1.0, 2.0]}}}})
    told = "params.yaml: sweep.ranges.signals.stpo is [1.0, 2.0]: is no known key; nearest is stop"
    assert shop.run("python -m commands.sweep", status=1).strip() == told
    assert told in shop.run("python -m commands.check", status=1)
    assert "ON is 'x': must be inner or tests" in shop.run("python -m commands.sweep x", status=1)
