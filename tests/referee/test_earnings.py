"""What days made, their interval, and how sure a Sharpe ratio is: told as the run does, and otherwise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.evaluation.performance import by_date, daily_pnl, interval_of_total, score_equity
from tapeline.referee.earnings import check_earnings
from tapeline.referee.equity import Path
from tapeline.referee.findings import Findings
from tests.referee.hand_made import ACCOUNT


def told_and_path(seed, n_days, n_flat):
    """What the run says of equity every six hours that rests on the last `n_flat` days, and its path."""
    rng = np.random.default_rng(seed)
    made = rng.normal(20, 300, 4 * n_days)
    made[4 * (n_days - n_flat) :] = 0.0
    index = pd.date_range("2026-01-05 18:00", periods=4 * n_days, freq="6h", tz="UTC", unit="us")
    equity = pd.Series(ACCOUNT.initial_balance + np.cumsum(made), index=index)
    daily = daily_pnl(equity, ACCOUNT.initial_balance)
    low, high = interval_of_total(daily, ACCOUNT.level)
    scores = score_equity(equity, equity.to_numpy(), ACCOUNT.initial_balance)
    figures = {"net_pnl_low": low, "net_pnl_high": high, "daily_net_pnl": by_date(daily)}
    values = equity.to_numpy()
    path = Path(index.asi8, ACCOUNT.initial_balance, values, values, (values, values))
    return figures | {"probabilistic_sharpe": scores["probabilistic_sharpe"]}, path


def differing(figures, path):
    """What differs."""
    findings = Findings()
    check_earnings(path, True, figures, ACCOUNT, "backtest", findings)
    return {difference.what for difference in findings.differences}


@given(seed=st.integers(0, 2**32 - 1), n_days=st.integers(2, 40), n_flat=st.integers(0, 8))
def test_what_days_made_is_what_the_run_says(seed, n_days, n_flat):
    """Of few days and many; no ratio where fewer than ten changed."""
    figures, path = told_and_path(seed, n_days, min(n_flat, n_days - 2))
    assert differing(figures, path) == set()


@pytest.mark.parametrize("key", ["net_pnl_low", "net_pnl_high", "probabilistic_sharpe"])
def test_another_interval_or_ratio_is_found(key):
    """Each by itself."""
    figures, path = told_and_path(3, 20, 0)
    assert differing(figures | {key: figures[key] * 1.00001}, path) == {f"backtest.{key}"}
    assert differing(figures | {key: None}, path) == {f"backtest.{key}"}


def test_a_day_that_is_left_out_or_made_other_money_is_found():
    """By its date."""
    figures, path = told_and_path(3, 20, 0)
    days = dict(figures["daily_net_pnl"])
    date = list(days)[4]
    wrong = days | {date: days[date] + 0.001}
    assert differing(figures | {"daily_net_pnl": wrong}, path) == {f"backtest: net PnL of {date}"}
    del days[date]
    found = differing(figures | {"daily_net_pnl": days}, path)
    assert found == {"backtest: days", f"backtest: net PnL of {date}"}


def test_a_ruined_account_has_no_ratio():
    """A return on nothing has no meaning."""
    figures, path = told_and_path(3, 20, 0)
    ruined = replace(path, equity=path.equity - path.equity.min())
    assert "backtest.probabilistic_sharpe" in differing(figures, ruined)
