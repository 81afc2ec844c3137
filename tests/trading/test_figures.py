"""Figures of an account on a few bars, reckoned by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tapeline.backtest.engine import BacktestResult
from tapeline.backtest.portfolio import Refused
from tapeline.backtest.records import bar_dtype, clock_dtype, order_dtype, trade_dtype
from tapeline.evaluation.account_metrics import AccountFigures
from tapeline.trading.figures import account_figures, equity_table, refused, trade_tables
from tests.trading.shipped import read

PARAMS = read(signals={"initial_balance": 1_000.0})
# Midnight in Prague is 23:00 of UTC in winter: the third bar is of another account day.
TIMES = pd.DatetimeIndex(["2024-01-01 22:00", "2024-01-01 22:30", "2024-01-01 23:00"], tz="UTC")
MARKET = SimpleNamespace(timestamp=TIMES, symbols=("BTC-USD", "ETH-USD"))


def account(*trades, **columns):
    """Three bars, balance and equity at 1,000 unless told otherwise."""
    bars = np.zeros(3, bar_dtype)
    for name in ("balance", "equity", "equity_low"):
        bars[name] = columns.pop(name, 1_000.0)
    for name, values in columns.items():
        bars[name] = values
    records = np.zeros(len(trades), trade_dtype)
    for record, trade in zip(records, trades, strict=True):
        for name, value in trade.items():
            record[name] = value
    return BacktestResult(records, bars, 2)


def plan():
    """Its clock and capital."""
    clock = np.zeros(3, clock_dtype)
    clock["day"] = [5, 5, 6]
    return SimpleNamespace(clock=clock, rules=SimpleNamespace(initial_balance=1_000.0))


def program(**changes):
    """Section `ftmo` with one program: 5 % a day, 10 % in all."""
    rules = {"daily_loss": 0.05, "max_loss": 0.1, "is_trailing": False, "best_day": None}
    phases = {"phases": {"challenge": {"target": 0.1, "minimum_days": 1}}}
    return read(ftmo={"program": "own", "programs": {"own": rules | phases | changes}}).ftmo


def test_equity_is_told_by_the_hour_with_its_worst_and_the_days_floor():
    """The day's floor is 50 below the balance at midnight, the account's stays at 900."""
    result = account(balance=[1_000, 950, 1_100], equity=[1_000, 900, 1_100], equity_low=[850, 880, 1_050])
    table = equity_table(result, plan(), MARKET, program())
    assert table["timestamp"].tolist() == [TIMES[0], TIMES[2]]
    assert table["equity"].tolist() == [900, 1_100]
    assert table["lowest"].tolist() == [850, 1_050]
    assert table["daily_floor"].tolist() == [950, 900]
    assert table["account_floor"].tolist() == [900, 900]
    assert table["drawdown"].tolist() == pytest.approx([0.1, 0.0])


def test_a_floor_that_trails_follows_the_highest_midnight():
    """Up with 1,200, and not down again with 950."""
    for balance, floor in ((1_200, 1_100), (950, 900)):
        result = account(balance=[1_000, balance, balance])
        assert equity_table(result, plan(), MARKET, program(is_trailing=True))["account_floor"].tolist() == [
            900, floor,
        ]  # fmt: skip


def test_an_account_that_no_program_watches_has_no_floors():
    """Its equity has a drawdown all the same."""
    table = equity_table(
        account(equity=[1_000, 1_000, 800]), plan(), MARKET, read(ftmo={"program": "none"}).ftmo
    )
    assert table[["daily_floor", "account_floor"]].isna().all(axis=None)
    assert table["drawdown"].tolist() == pytest.approx([0.0, 0.2])


def test_an_account_without_trades_has_a_count_of_them_and_days_alone():
    """All else is undefined, and no zero."""
    figures = account_figures(account(), SimpleNamespace(market=MARKET), PARAMS)
    assert list(figures) == list(AccountFigures.names())
    defined = {name: value for name, value in figures.items() if value is not None}
    assert defined == {"days": 1, "trades": 0, "unfilled_orders": 2}


def test_turnover_is_what_was_bought_and_sold_and_exposure_the_time_with_a_position():
    """Two units bought at 100 and sold at 110 are 420 of 1,000; one bar of three."""
    trade = {"quantity": 2, "entry_price": 100, "exit_price": 110, "gross_pnl": 20, "net_pnl": 20}
    result = account(trade, equity=[1_000, 1_020, 1_020], equity_low=990, n_open=[1, 0, 0])
    figures = account_figures(result, SimpleNamespace(market=MARKET), PARAMS)
    assert figures["turnover_a_day"] == pytest.approx(0.42)
    assert figures["exposure"] == pytest.approx(1 / 3)
    assert (figures["trades"], figures["net_pnl"], figures["win_rate"]) == (1, 20.0, 1.0)
    assert figures["return_"] == pytest.approx(0.02)


def test_trades_stand_by_symbol_tier_and_session_of_their_entry():
    """A symbol or tier without trades has a row; 23:00 of UTC is eight in Tokyo, six in New York."""
    sold = {"symbol": 1, "tier": 2, "entry_bar": 2, "net_pnl": -5.0}
    tables = trade_tables(account(sold, sold | {"net_pnl": 15.0}).trades, MARKET, PARAMS)
    assert {name: row["trades"] for name, row in tables["symbols"].items()} == {"BTC-USD": 0, "ETH-USD": 2}
    assert {name: row["trades"] for name, row in tables["tiers"].items()} == {"A": 0, "B": 0, "C": 2}
    assert tables["symbols"]["ETH-USD"]["win_rate"] == 0.5
    sessions = {name: row["trades"] for name, row in tables["sessions"].items() if row["trades"]}
    assert sessions == {"outside": 2}


def test_without_a_trade_there_are_no_sessions():
    """And every symbol and tier has none."""
    tables = trade_tables(account().trades, MARKET, PARAMS)
    assert tables["sessions"] == {}
    assert [row["trades"] for row in (*tables["symbols"].values(), *tables["tiers"].values())] == [0] * 5


def test_sides_that_could_not_be_ordered_are_counted_with_those_that_could():
    """Two orders stand, one of either side; four were refused."""
    orders = np.zeros(2, order_dtype)
    assert refused(SimpleNamespace(orders=orders, refused=Refused(inside_costs=1, shorts=3))) == {
        "wanted": 6, "inside_costs": 1, "shorts": 3,
    }  # fmt: skip
