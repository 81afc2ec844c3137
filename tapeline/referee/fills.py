"""Trades of one symbol on its candles, and when they may be filled."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.findings import Findings, Place
from tapeline.referee.rules import AccountRules

FILLS = "fills"


@dataclass(frozen=True)
class Fills:
    """Trades of one symbol, arrays (n,), and the positions of their candles in its own table.

    `table` has `side`, `reason`, `decision_time`, `entry_time`, `exit_time`, `quantity`, `entry_price`,
    `exit_price`, `gross_pnl`, `spread_cost`, `slippage_cost`, `commission_cost`, `swap`, `net_pnl`
    """

    candles: SymbolCandles
    table: pd.DataFrame
    decided: NDArray[np.int64]
    entered: NDArray[np.int64]
    left: NDArray[np.int64]

    @property
    def side(self) -> FloatArray:
        """1 long, -1 short."""
        return self.table["side"].to_numpy(np.float64)

    def column(self, name: str) -> FloatArray:
        """A column of numbers."""
        return self.table[name].to_numpy(np.float64)

    def prices(self, when: str) -> tuple[FloatArray, NDArray[np.int64], NDArray[np.int64]]:
        """Prices times sides of an `entry` or `exit`, positions of its candles and their open times."""
        at = self.entered if when == "entry" else self.left
        return self.side * self.column(f"{when}_price"), at, self.candles.time[at]

    @property
    def extremes(self) -> tuple[FloatArray, FloatArray]:
        """The worst and the best price of each exit's candle, for its side."""
        low, high = self.candles.low[self.left], self.candles.high[self.left]
        return np.where(self.side > 0, low, high), np.where(self.side > 0, high, low)

    @property
    def place(self) -> Place:
        """Where all of them are."""
        return Place(symbol=self.candles.symbol)

    @property
    def is_end(self) -> NDArray[np.bool_]:
        """Whether each ended only because the candles did: at the last price there was."""
        return (self.table["reason"] == "end").to_numpy()


def on_candles(candles: SymbolCandles, own: pd.DataFrame, title: str, findings: Findings) -> Fills | None:
    """Where each trade's candles stand; None where one of them is not there."""
    found, is_whole = [], True
    for when in ("decision", "entry", "exit"):
        time = microseconds(own[f"{when}_time"])
        at = np.searchsorted(candles.time, time)
        is_there = at < candles.time.size
        is_there[is_there] = candles.time[at[is_there]] == time[is_there]
        if when == "exit":
            # Behind the last candle of its symbol, a position is held to the end of the others' clock.
            is_end = (own["reason"] == "end").to_numpy()
            at = np.where(is_end, np.searchsorted(candles.time, time, side="right") - 1, at)
            is_there |= is_end
        is_real = is_there.copy()
        is_real[is_there] = ~candles.is_filled[at[is_there]]
        if when == "exit":
            is_real |= (own["reason"] == "end").to_numpy()
        what = f"{title}: candle of a trade's {when}"
        findings.hold(FILLS, what, is_real, "not there or filled", "real", Place(symbol=candles.symbol), time)
        is_whole &= bool(is_there.all())
        found.append(at)
    return Fills(candles, own, *found) if is_whole else None


def check_times(fills: Fills, rules: AccountRules, title: str, findings: Findings) -> None:
    """A fill comes no earlier than decision and latency; a position ends in time; one at a time."""
    step, place = fills.candles.rules.step, Place(symbol=fills.candles.symbol)
    decided, entered, left = (
        microseconds(fills.table[f"{when}_time"]) for when in ("decision", "entry", "exit")
    )
    ready = decided + step + int(rules.latency_s * 1e6)
    # A candle's open stands for what is filled within it, less slippage for the wait.
    is_late_enough = (entered >= decided + step) & (entered + step >= ready)
    findings.hold(
        FILLS, f"{title}: delay of an entry", is_late_enough, entered - decided, "after decision and latency",
        place, decided,
    )  # fmt: skip
    waited = rules.candles_waited(step)
    is_early_enough = entered < decided + (waited + rules.hold) * step
    findings.hold(
        FILLS, f"{title}: wait of an order", is_early_enough, entered - decided, "shorter", place, decided
    )
    due = entered + rules.hold * step
    by_time = (fills.table["reason"] == "time").to_numpy()
    findings.hold(
        FILLS,
        f"{title}: exit by time",
        ~by_time | (left >= due),
        left - entered,
        "at its end",
        place,
        entered,
    )
    if rules.is_always_open:
        # The first real candle from its due time on closes a position, whatever the reason.
        real = np.flatnonzero(~fills.candles.is_filled)
        following = np.searchsorted(fills.candles.time[real], due)
        last = np.append(fills.candles.time[real], np.iinfo(np.int64).max)[following]
        is_held = (left <= last) | fills.is_end
        findings.hold(
            FILLS, f"{title}: exit", is_held, left - entered, "no later than its hold", place, entered
        )
    order = np.argsort(entered, kind="stable")
    is_apart = entered[order][1:] >= left[order][:-1]
    findings.hold(
        FILLS, f"{title}: position", is_apart, "opened beside another", "one", place, entered[order][1:]
    )
