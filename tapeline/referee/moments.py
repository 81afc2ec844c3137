"""Days of an account and its moments without a position, from its trades."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tapeline.referee.candles import FloatArray, Mask, SymbolCandles, microseconds
from tapeline.referee.clock import Times, account_day
from tapeline.referee.equity import Path

ROUNDING = 1e-9  # of a price


@dataclass(frozen=True)
class Days:
    """The account's path by days of its own; arrays (n_bars,).

    flat_open : balance at the open, exits filled and entries not; NaN with a position; flat_close : at the
    close, likewise; opened : whether a position was opened
    """

    day: Times
    lowest: FloatArray
    balance: FloatArray
    flat_open: FloatArray
    flat_close: FloatArray
    opened: Mask


def days_of(path: Path, trades: pd.DataFrame, market: list[SymbolCandles]) -> Days:
    """Where the account has no position: at opens that all of its exits were filled at, and at closes."""
    entered, left = (
        np.searchsorted(path.clock, microseconds(trades[f"{when}_time"])) for when in ("entry", "exit")
    )
    at_open = _leaves_at_open(trades, market) & (left > entered)
    n, net = path.clock.size, trades["net_pnl"].to_numpy(np.float64)
    begun, ended, early = (np.bincount(bars, minlength=n) for bars in (entered, left, left[at_open]))
    held = np.cumsum(begun - ended)
    made, made_early = (
        np.bincount(left[rows], weights=net[rows], minlength=n) for rows in (slice(None), at_open)
    )
    before = np.cumsum(np.r_[path.initial, made[:-1]])
    return Days(
        account_day(path.clock),
        path.lowest[0],
        path.balance,
        np.where(np.r_[0, held[:-1]] == early, before + made_early, np.nan),
        np.where(held == 0, path.balance, np.nan),
        begun > 0,
    )


def _leaves_at_open(trades: pd.DataFrame, market: list[SymbolCandles]) -> Mask:
    """Whether each trade was closed around the open of its exit's candle, by the gross that it made."""
    at_open = np.zeros(len(trades), bool)
    for candles in market:
        own = trades[trades["symbol"] == candles.symbol]
        rows = (
            np.searchsorted(candles.time, microseconds(own[f"{when}_time"])) for when in ("entry", "exit")
        )
        opened, open_ = (candles.open[np.minimum(at, candles.time.size - 1)] for at in rows)
        middle = opened + own["gross_pnl"] / (own["side"] * own["quantity"])
        at_open[(trades["symbol"] == candles.symbol).to_numpy()] = np.abs(middle - open_) <= ROUNDING * open_
    is_before: Mask = at_open & (trades["reason"] != "end").to_numpy()
    return is_before
