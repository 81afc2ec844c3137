"""An own account in the form that FTMO's rules judge, from a list of trades or a series of equity."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.clocks import ACCOUNT_ZONE, account_day
from tapeline.backtest.records import bar_dtype
from tapeline.errors import ArgumentError
from tapeline.library.arguments import numbers_of, require_columns, times_of

FloatArray = NDArray[np.float64]
MOST_OPEN = int(np.iinfo(np.int16).max)  # positions open at once


@dataclass(frozen=True)
class Account:
    """The path of an account.

    timestamp : (n,) UTC, rising; row i lasts from its time to the next
    bars : (n,) of `backtest.records.bar_dtype`
    worst : (n,) equity that is held against the floors
    initial_balance : account currency
    """

    timestamp: pd.DatetimeIndex
    bars: NDArray[np.void]
    worst: FloatArray
    initial_balance: float

    @property
    def day(self) -> NDArray[np.int32]:
        """Account day (midnight in Prague) of each row, days since 1970."""
        return account_day(self.timestamp)

    @property
    def table(self) -> pd.DataFrame:
        """`timestamp`, `balance`, `equity`, `equity_low` and `n_open`, a row each."""
        names = ["balance", "equity", "equity_low", "n_open"]
        return pd.DataFrame({"timestamp": self.timestamp} | {name: self.bars[name] for name in names})


def account_from_trades(trades: pd.DataFrame, *, initial_balance: float) -> Account:
    """Account of a list of closed trades, from the first entry to the last exit.

    trades : `entry_time` and `exit_time` with a zone; `net_pnl`, all costs included, and `mae`, the deepest
        open loss (at least 0), in account currency
    initial_balance : account currency

    When a trade was at its worst is not known, so it counts as if it had been at its worst all the time,
    together with all others: a possible breach counts as one. Where every `mae` is 0, closed profit alone
    is judged.
    """
    _require_balance(initial_balance)
    table = require_columns(trades, ("entry_time", "exit_time", "net_pnl", "mae"), "trades")
    entry, exit_ = (times_of(table, name, "trades") for name in ("entry_time", "exit_time"))
    pnl, mae = numbers_of(table, "net_pnl", "trades"), numbers_of(table, "mae", "trades", low=0)
    if (exit_ <= entry).any():
        row = int(np.argmax(exit_ <= entry))
        raise ArgumentError(f"trades, row {row}: exit_time {exit_[row]} is not after entry_time {entry[row]}")
    clock = entry.union(exit_).union(_midnights(entry.min(), exit_.max())).unique().sort_values()
    begin, end = clock.get_indexer(entry), clock.get_indexer(exit_)
    n = len(clock)
    n_opened, n_closed = np.bincount(begin, minlength=n), np.bincount(end, minlength=n)
    n_open = np.cumsum(n_opened - n_closed)
    open_loss = np.cumsum(np.bincount(begin, mae, n) - np.bincount(end, mae, n))
    open_loss[n_open == 0] = 0.0  # rounding
    bars = np.zeros(n, dtype=bar_dtype)
    bars["balance"] = initial_balance + np.cumsum(np.bincount(end, pnl, n))
    is_flat = n_open - n_opened == 0  # exits of a time are booked before its entries
    bars["flat_open"] = np.where(is_flat, bars["balance"], np.nan)
    bars["equity_open"] = bars["equity"] = bars["balance"]
    bars["equity_low"] = bars["balance"] - open_loss
    return _account(clock, bars, n_open, n_opened, initial_balance)


def account_from_equity(equity: pd.DataFrame) -> Account:
    """Account of a series of equity; its first row is the account as it began, without a position.

    equity : `timestamp` with a zone, rising; `balance`, closed profit and the capital; `equity`, open profit
        as well; `n_open`, positions open at that time. May hold `equity_low`, the worst since the row before
        (else `equity`), and `n_opened`, positions opened since then (else by how many `n_open` rose)

    A target counts at closed balance without a position, so a series of equity alone does not say whether one
    was reached: where all rows were flat, give `balance` equal to `equity` and `n_open` 0.
    """
    name = "equity"
    table = require_columns(equity, ("timestamp", "balance", "equity", "n_open"), name)
    clock = times_of(table, "timestamp", name)
    if not clock.is_monotonic_increasing or clock.has_duplicates:
        raise ArgumentError("equity: timestamp must rise from row to row")
    bars = np.zeros(len(clock), dtype=bar_dtype)
    bars["balance"], bars["equity"] = numbers_of(table, "balance", name), numbers_of(table, "equity", name)
    low = numbers_of(table, "equity_low", name) if "equity_low" in table else bars["equity"]
    bars["equity_low"] = np.minimum(low, bars["equity"])
    n_open = numbers_of(table, "n_open", name, 0, MOST_OPEN)
    rises = np.maximum(np.diff(n_open, prepend=0.0), 0)
    n_opened = numbers_of(table, "n_opened", name, 0, MOST_OPEN) if "n_opened" in table else rises
    initial = float(bars["balance"][0])
    _require_balance(initial)
    if n_open[0] or bars["equity_low"][0] != initial or bars["equity"][0] != initial:
        raise ArgumentError(
            "equity, row 0: must be the account as it began: equity equal to balance, and n_open 0"
        )
    before = np.concatenate([[initial], bars["balance"][:-1]])
    bars["equity_open"] = np.concatenate([[initial], bars["equity"][:-1]])
    bars["flat_open"] = np.where(np.concatenate([[0.0], n_open[:-1]]) == 0, before, np.nan)
    return _account(clock, bars, n_open, n_opened, initial)


def _account(
    clock: pd.DatetimeIndex,
    bars: NDArray[np.void],
    n_open: NDArray[np.generic],
    n_opened: NDArray[np.generic],
    initial_balance: float,
) -> Account:
    bars["n_open"], bars["n_opened"], bars["has_price"] = n_open, n_opened, True
    return Account(clock, bars, np.ascontiguousarray(bars["equity_low"]), float(initial_balance))


def _midnights(first: pd.Timestamp, last: pd.Timestamp) -> pd.DatetimeIndex:
    """Every midnight of the account's days between two times, in UTC."""
    begin, end = (time.tz_convert(ACCOUNT_ZONE).normalize() for time in (first, last))
    midnights = pd.date_range(begin, end, freq="D").tz_convert("UTC").as_unit("us")
    return pd.DatetimeIndex(midnights[(midnights > first) & (midnights < last)])


def _require_balance(balance: object) -> None:
    if not isinstance(balance, int | float) or not 0 < balance < np.inf:
        raise ArgumentError(f"initial_balance is {balance}: must be a number above 0, account currency")
