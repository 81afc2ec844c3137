"""Coins in place of predictions: each fault that would make an edge look larger than it is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tapeline.referee.random_sides import TOSSED
from tests.referee.hand_made import MINUTE
from tests.referee.test_examine import examined

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in


def differing(run, tossed):
    """What differs where random sides are told to have come to something else."""
    return {d.what for d in examined(replace(run, tossed=tossed)).differences}


def with_trades(run, change):
    """The runs with their trades changed, and what they made of those."""
    trades = [change(table.copy()) for table in run.tossed.trades]
    return replace(run.tossed, trades=trades, net_pnl=np.array([t["net_pnl"].sum() for t in trades]))


def test_right_coins_are_compared(run):
    """Fills, money, decisions and the p-value; there are longs and shorts among them."""
    findings = examined(run)
    assert findings.differences == []
    assert findings.compared[TOSSED] > 50
    assert set(pd.concat(run.tossed.trades)["side"]) == {-1, 1}


def test_random_sides_that_pay_double_are_found(run):
    """Spread and slippage once more at each fill, and all sums right."""

    def dear(trades):
        paid = 1e-4 * trades["quantity"] * trades["entry_price"]
        entry = trades["entry_price"] * (1 + trades["side"] * 1e-4)
        return trades.assign(entry_price=entry, net_pnl=trades["net_pnl"] - paid)

    assert f"{TOSSED}: entry, at most" in differing(run, with_trades(run, dear))


def test_coins_that_pay_commission_double_are_found(run):
    """In the money alone."""

    def dear(trades):
        paid = trades["commission_cost"]
        return trades.assign(commission_cost=2 * paid, net_pnl=trades["net_pnl"] - paid)

    assert f"{TOSSED}: commission of a trade" in differing(run, with_trades(run, dear))


def test_coins_that_know_the_prediction_are_found(run):
    """All of them with it, as an account of predictions has them."""
    account, _ = run.accounts["backtest"]
    tossed = with_trades(run, lambda trades: account.trades)
    assert f"{TOSSED}: as predicted" in differing(run, tossed)


def test_coins_at_times_of_no_prediction_are_found(run):
    """Thrown nine minutes before the candle that was predicted."""
    early = with_trades(run, lambda t: t.assign(decision_time=t["decision_time"] - 9 * MINUTE))
    assert f"{TOSSED}: decision" in differing(run, early)


@pytest.mark.parametrize("k", [0, 2])
def test_a_run_that_is_told_to_have_made_other_money_is_found(run, k):
    """Than its trades."""
    made = run.tossed.net_pnl.copy()
    made[k] -= 1.0
    assert f"{TOSSED}: net PnL of run {k + 1}" in differing(run, replace(run.tossed, net_pnl=made))


def test_a_p_value_of_other_runs_is_found(run):
    """Once more than how many came to as much."""
    account, figures = run.accounts["backtest"]
    ftmo = figures["ftmo"] | {"zero_edge_p_value": figures["ftmo"]["zero_edge_p_value"] / 2}
    told = replace(run, accounts=run.accounts | {"backtest": (account, figures | {"ftmo": ftmo})})
    assert {d.what for d in examined(told).differences} == {"ftmo.zero_edge_p_value"}
