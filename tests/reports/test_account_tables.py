"""Buy-and-hold beside an account, and the account by month."""

import numpy as np
import pandas as pd
import pytest

from tapeline.reports.account_tables import by_month, read_equity


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three hours of equity, and candles of two symbols that begin an hour before it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plots").mkdir()
    (tmp_path / "data/candles").mkdir(parents=True)
    hours = pd.date_range("2024-01-01 01:00", periods=3, freq="h", tz="UTC")
    pd.DataFrame({"timestamp": hours, "equity": 100.0}).to_csv("plots/equity.csv", index=False)
    times = pd.date_range("2024-01-01", periods=4 * 60, freq="min", tz="UTC")
    steps = np.arange(240)
    rising = pd.DataFrame({"timestamp": times, "open": 1.0 + steps, "close": 2.0 + steps})
    rising.to_parquet("data/candles/A.parquet")
    falling = rising.assign(open=50.0, close=np.where(steps < 239, 50.0, 25.0))
    falling.drop(index=range(120, 180)).to_parquet("data/candles/B.parquet")
    return tmp_path


def test_the_same_balance_is_held_in_all_symbols_alike(folder):
    """From the open of the first candle of the first hour; an hour without candles keeps the last close."""
    table = read_equity(["A", "B"], 100.0)
    a = np.array([121, 181, 241]) / 61
    b = np.array([1, 1, 0.5])
    assert table["buy_and_hold"].to_numpy() == pytest.approx(100 * (a + b) / 2)


def test_without_candles_of_a_symbol_nothing_is_held(folder):
    """Rather than the others alone."""
    assert "buy_and_hold" not in read_equity(["A", "C"], 100.0)
    assert "buy_and_hold" not in read_equity([], 100.0)


def test_months_add_up_to_all():
    """Money, its share of the balance, and days."""
    days = ["2024-01-30 00:00:00+00:00", "2024-01-31 00:00:00+00:00", "2024-02-01 00:00:00+00:00"]
    months = by_month(pd.DataFrame({"day": days, "net_pnl": [10.0, -30.0, 5.0]}), 1000.0)
    assert list(months) == ["2024-01", "2024-02", "all"]
    assert months["2024-01"] == {
        "net_pnl": -20.0, "share_of_balance": -0.02, "days": 2, "winning_days": 1,
        "net_pnl_of_best_day": 10.0, "net_pnl_of_worst_day": -30.0,
    }  # fmt: skip
    assert months["all"]["net_pnl"] == sum(months[month]["net_pnl"] for month in ("2024-01", "2024-02"))
    assert by_month(pd.DataFrame({"day": [], "net_pnl": []}), 1000.0) == {}
