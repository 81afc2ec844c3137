"""What stands beside an account: the same balance held in all symbols, and the account by month."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def read_equity(symbols: list[str], initial: float, candles: Path | str = "data/candles") -> pd.DataFrame:
    """plots/equity.csv, hour by hour, with `buy_and_hold` where the candles of all `symbols` are there.

    buy_and_hold : `initial` put into the symbols alike at the first candle of the first hour, without costs
    """
    table = pd.read_csv("plots/equity.csv")
    table["timestamp"] = pd.to_datetime(table["timestamp"], utc=True)
    paths = [Path(candles) / f"{symbol}.parquet" for symbol in symbols]
    if not paths or not all(path.exists() for path in paths):
        return table
    held = [
        _held(pd.read_parquet(path, columns=["timestamp", "open", "close"]), table["timestamp"])
        for path in paths
    ]
    worth = initial * np.mean(held, axis=0)
    return table.assign(buy_and_hold=worth) if np.isfinite(worth).all() else table


def _held(candles: pd.DataFrame, hours: pd.Series) -> Any:
    """Worth at the end of each hour of one unit of money put in at the first of `hours`; shape (n_hours,)."""
    since = candles[candles["timestamp"] >= hours.iloc[0]]
    if since.empty:
        return np.full(len(hours), np.nan)
    last = since.groupby(since["timestamp"].dt.floor("h"))["close"].last()
    prices = last.reindex(hours).ffill().to_numpy()
    return prices / since["open"].iloc[0]


def by_month(daily: pd.DataFrame, initial: float) -> dict[str, dict[str, Any]]:
    """Months of plots/daily_pnl.csv, and their sum: money, its share of the initial balance, days.

    daily : `day`, `net_pnl`
    """
    table = daily.dropna(subset=["net_pnl"])
    months = table["day"].astype(str).str[:7]
    parts = [(month, table["net_pnl"][months == month]) for month in sorted(months.unique())]
    if len(parts) > 1:
        parts.append(("all", table["net_pnl"]))
    return {
        month: {
            "net_pnl": float(pnl.sum()),
            "share_of_balance": float(pnl.sum()) / initial,
            "days": len(pnl),
            "winning_days": int((pnl > 0).sum()),
            "net_pnl_of_best_day": float(pnl.max()),
            "net_pnl_of_worst_day": float(pnl.min()),
        }
        for month, pnl in parts
    }
