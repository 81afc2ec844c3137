"""Equity and trades: figures by hand, ruin and stillness included."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.evaluation.performance import drawdown_depths, score_equity, score_trades


def equity_series(values, minutes=720):
    """Equity at closes `minutes` apart."""
    times = pd.date_range("2025-01-01", periods=len(values), freq=f"{minutes}min", tz="UTC")
    return pd.Series(values, index=times, dtype=float)


def test_figures_by_hand():
    """Two closes a day over three days; the peak before the first close is the initial balance."""
    scores = score_equity(equity_series([90, 110, 99, 121, 121, 133.1]), 100.0)
    returns = np.array([0.1, 0.1, 0.1])
    assert scores["days"] == 3
    assert scores["net_pnl"] == pytest.approx(33.1)
    assert scores["return_"] == pytest.approx(0.331)
    assert scores["max_drawdown"] == pytest.approx(0.1)
    assert scores["average_drawdown"] == pytest.approx(0.1)
    assert returns.std() == pytest.approx(0)
    varied = score_equity(equity_series([100, 110, 100, 99, 99, 118.8]), 100.0)
    daily = np.array([0.1, -0.1, 0.2])
    assert varied["sharpe_ratio"] == pytest.approx(daily.mean() / daily.std(ddof=1) * np.sqrt(365))


def test_an_account_that_did_nothing_has_no_ratio():
    """No move: no drawdown, no Sharpe ratio, and no division by zero."""
    scores = score_equity(equity_series([100.0] * 6), 100.0)
    assert (scores["max_drawdown"], scores["average_drawdown"], scores["sharpe_ratio"]) == (0.0, 0.0, None)


def test_a_ruined_account_has_no_ratio():
    """Equity at or below zero makes returns meaningless; the loss itself is said."""
    scores = score_equity(equity_series([100, 50, -20, -60, -200, -180]), 100.0)
    assert scores["sharpe_ratio"] is None
    assert scores["return_"] == pytest.approx(-2.8)
    assert scores["max_drawdown"] > 1


@given(st.lists(st.floats(1, 1000), min_size=1, max_size=40))
def test_drawdowns_equal_a_plain_loop(values):
    """Each fall's depth, from leaving a peak to reaching it again or the end."""
    depths, peak, deepest = [], values[0], 0.0
    for value in values:
        if value >= peak:
            if deepest:
                depths.append(deepest)
            peak, deepest = value, 0.0
        else:
            deepest = max(deepest, 1 - value / peak)
    if deepest:
        depths.append(deepest)
    np.testing.assert_allclose(drawdown_depths(np.array(values)), depths)


def test_trades_by_hand():
    """Win rate, profit factor and costs; None where nothing was lost or traded."""
    fields = [(name, float) for name in ("gross_pnl", "spread_cost", "commission_cost", "net_pnl")]
    trades = np.array([(10, 1, 1, 8), (-2, 1, 1, -4), (5, 0, 1, 4)], dtype=fields)
    scores = score_trades(trades)
    assert scores["trades"] == 3
    assert scores["win_rate"] == pytest.approx(2 / 3)
    assert scores["profit_factor"] == pytest.approx(3.0)
    assert scores["spread_cost"] + scores["commission_cost"] == 5
    assert score_trades(trades[:1])["profit_factor"] is None
    assert score_trades(trades[:0])["win_rate"] is None
