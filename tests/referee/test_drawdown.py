"""Equity, its worst in a candle, swap and drawdowns: what the trades of a run made by loops come to."""

from dataclasses import replace

import numpy as np
import pytest

from tapeline.referee.examine import examine
from tests.referee.hand_made import ACCOUNT, INSTRUMENT, ROWS, SYMBOLS, TIERS, with_path

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in


def differing(run, account=ACCOUNT):
    """What differs of the account `backtest`."""
    found = examine(run, ROWS, TIERS, account).differences
    return {d.what.removeprefix("backtest: ") for d in found if d.what.startswith("backtest")}


def falls(equity, low):
    """Drawdowns as an account tells them of its own path."""
    peak = np.maximum.accumulate(np.r_[ACCOUNT.initial_balance, equity])
    figures = {"max_drawdown": max(1 - equity / peak[1:]), "max_drawdown_inside": max(1 - low / peak[:-1])}
    return {name: float(value) for name, value in figures.items()}


def test_the_run_is_held_over_a_night_and_a_filled_candle(run):
    """Else nothing would be known of swap, and of prices that stand."""
    trades, table = run.accounts["backtest"][0].trades, run.candles["BBB"]
    assert (trades["swap"] != 0).any()
    own = trades[trades["symbol"] == "BBB"]
    filled = table.loc[table["is_filled"], "timestamp"]
    assert any(((own["entry_time"] < now) & (own["exit_time"] > now)).any() for now in filled)


def test_swap_that_is_received_where_it_is_paid_is_found(run):
    """The sign of the declared rate, and what a night counts as."""
    rates = {name: -getattr(INSTRUMENT, name) for name in ("swap_long", "swap_short")}
    turned = replace(INSTRUMENT, **rates)
    assert "swap of a trade" in differing(run, replace(ACCOUNT, instruments=dict.fromkeys(SYMBOLS, turned)))
    night = replace(ACCOUNT, swap_nights=(1, 1, 1, 1, 3, 0, 0))
    assert "swap of a trade" in differing(run, night)


def test_balance_that_is_told_as_equity_is_found(run):
    """Also where the drawdowns told are those of that balance."""
    account, _ = run.accounts["backtest"]
    trades, path = account.trades, account.path.copy()
    closed = [trades.loc[trades["exit_time"] <= now, "net_pnl"].sum() for now in path.index]
    path["equity"] = path["equity_low"] = ACCOUNT.initial_balance + np.array(closed)
    told = with_path(run, path, falls(path["equity"].to_numpy(), path["equity_low"].to_numpy()))
    assert {"equity", "worst equity in a candle, at most"} <= differing(told)


def test_a_worst_that_leaves_the_candles_inside_out_is_found(run):
    """Closes alone; without the basis; before the commission to pay; at the open no more."""
    account, _ = run.accounts["backtest"]
    path = account.path.assign(equity_low=account.path["equity"])
    told = with_path(run, path, falls(path["equity"].to_numpy(), path["equity_low"].to_numpy()))
    assert "worst equity in a candle, at most" in differing(told)
    for other in ({"basis": 0.0}, {"is_exit_commission": False}):
        assert "worst equity in a candle, at least" in differing(run, replace(ACCOUNT, **other))


def test_drawdowns_of_another_path_are_found(run):
    """Told a hundred-thousandth too shallow, or too deep."""
    _, figures = run.accounts["backtest"]
    for name in ("max_drawdown", "max_drawdown_inside"):
        for off in (-1e-5, 1e-5):
            told = with_path(run, run.accounts["backtest"][0].path, {name: figures[name] + off})
            assert differing(told) == {f"backtest.{name}"}


def test_trades_beside_the_accounts_candles_are_found(run):
    """A path that begins behind the first of them."""
    path = run.accounts["backtest"][0].path.iloc[60:]
    assert "a trade on the account's candles" in differing(with_path(run, path, {}))
