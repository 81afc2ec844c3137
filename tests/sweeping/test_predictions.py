"""What accounts of a sweep may see: on inner folds no candle from the first reported test on."""

import numpy as np
import pandas as pd
import pytest

from tapeline.outputs import write_table
from tapeline.schema import PRICES
from tapeline.sweeping.accounts import trade_all
from tapeline.sweeping.predictions import SweptPredictions
from tapeline.trading.accounts import run
from tests.sweeping.market import make_sweep, params_of, tables_of

RANGES = {"signals": {"stop": [4.0, 8.0], "hold": [15, 300]}}
DAYS = 4


def predictions(first_test, before):
    """Of two symbols up to ten minutes before the first test, into which a long hold would reach."""
    tables = tables_of(DAYS, seed=7)
    for symbol, table in tables.items():
        write_table(f"data/candles/{symbol}.parquet", table.assign(segment=0, file=0))
    rng = np.random.default_rng(0)
    rows = pd.concat([table[["timestamp"]].assign(symbol=symbol) for symbol, table in tables.items()])
    start = rows["timestamp"].min() + pd.Timedelta(hours=3)
    rows = rows[rows["timestamp"].between(start, first_test - pd.Timedelta(minutes=10))].reset_index(
        drop=True
    )
    rows = rows.assign(fold=0, prediction=rng.uniform(0.2, 0.8, len(rows)))
    return SweptPredictions(rows, rows, rows, first_test, before)


@pytest.fixture
def first_test(tmp_path, monkeypatch):
    """In the last day of the candles."""
    monkeypatch.chdir(tmp_path)
    return pd.Timestamp("2026-01-15 06:00", tz="UTC")


def test_every_position_is_closed_before_the_first_test(first_test):
    """By the end of what is there, where its time is not up."""
    plan, found = make_sweep(params_of(), RANGES), predictions(first_test, first_test)
    market = found.market(plan.present)
    for choice in plan.choices:
        params = plan.signals(plan.present, choice)
        inputs = found.plainly(market, params)
        trades = run(inputs.plan(params)).trades
        assert trades.size > 20
        assert inputs.market.timestamp[trades["exit_bar"].max()] < first_test
    assert market.inputs(plan.present).market.timestamp[-1] == first_test - pd.Timedelta(minutes=1)


def test_candles_from_the_first_test_on_change_no_figure(first_test):
    """The same accounts, to the bit; where they may be seen, others."""
    plan, figures = make_sweep(params_of(), RANGES), {}
    for before in (first_test, None):
        found = predictions(first_test, before)
        as_it_is = trade_all(plan, found.market(plan.present))
        for symbol in ("BTC-USD", "ETH-USD"):
            path = f"data/candles/{symbol}.parquet"
            table = pd.read_parquet(path)
            table.loc[table["timestamp"] >= first_test, list(PRICES)] *= 1.2
            write_table(path, table)
        figures[before] = as_it_is.tobytes(), trade_all(plan, found.market(plan.present)).tobytes()
    assert figures[first_test][0] == figures[first_test][1]
    assert figures[None][0] != figures[None][1]
