"""An account as it is examined, and the orders of one symbol on its clock: candles since its start."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, Mask, SymbolCandles, microseconds
from tapeline.referee.clock import half_spread
from tapeline.referee.rules import AccountRules, InstrumentRules

Bars = NDArray[np.int64]


@dataclass(frozen=True)
class Account:
    """An account on all tests, or on the candidate's alone: what it did, refused, and was worth.

    trades : `symbol`, and what `fills.Fills` names, a line a trade
    refused : a line a side that became no trade: `symbol`, `side`, `reason`, `quantity` that was ordered (0:
    no order was made), `decision_time`, and `last_time`, in whose candle the order ended
    path : `equity` at the close and `equity_low`, the worst before, by open time (UTC), from the first
    prediction on
    """

    trades: pd.DataFrame
    refused: pd.DataFrame
    path: pd.DataFrame


@dataclass(frozen=True)
class SymbolOrders:
    """Orders of one symbol on the account's clock; bars (n,) of its trades, and of what was refused."""

    candles: SymbolCandles
    instrument: InstrumentRules
    trades: pd.DataFrame
    refused: pd.DataFrame
    start: int
    n_bars: int

    @property
    def is_on_clock(self) -> bool:
        """Whether all of them are within it."""
        every = np.concatenate([self.decided, self.entered, self.left, self.wanted, self.ended])
        return bool(((every >= 0) & (every < self.n_bars)).all())

    def bars(self, times: "pd.Series[pd.Timestamp]") -> Bars:
        """Candles since the account's start."""
        bars: Bars = (microseconds(times) - self.start) // self.candles.rules.step
        return bars

    @cached_property
    def decided(self) -> Bars:
        """Of each trade."""
        return self.bars(self.trades["decision_time"])

    @cached_property
    def entered(self) -> Bars:
        """Of each trade."""
        return self.bars(self.trades["entry_time"])

    @cached_property
    def left(self) -> Bars:
        """Of each trade."""
        return self.bars(self.trades["exit_time"])

    @cached_property
    def wanted(self) -> Bars:
        """At whose close each refused side was predicted."""
        return self.bars(self.refused["decision_time"])

    @cached_property
    def ended(self) -> Bars:
        """In which each refused order ended."""
        return self.bars(self.refused["last_time"])

    @cached_property
    def waited_until(self) -> Bars:
        """First close at which each refused order waits no more; what ends at a close waited there."""
        is_ended_at_close = self.refused["reason"].isin(("end", "guard")) & (self.refused["quantity"] > 0)
        until: Bars = self.ended + is_ended_at_close.to_numpy()
        return until

    @cached_property
    def row(self) -> Bars:
        """Position of the candle at or before each bar of the clock, -1 before the first; (n_bars,)."""
        times = self.start + np.arange(self.n_bars) * self.candles.rules.step
        return np.searchsorted(self.candles.time, times, side="right") - 1

    @cached_property
    def is_real(self) -> Mask:
        """Whether each bar of the clock has a candle that was traded; (n_bars,)."""
        times = self.start + np.arange(self.n_bars) * self.candles.rules.step
        at = np.clip(self.row, 0, None)
        is_there: Mask = (self.candles.time[at] == times) & ~self.candles.is_filled[at]
        return is_there

    def half_spread_at_fill(self, bars: Bars, rules: AccountRules) -> FloatArray:
        """Of the open that fills an order of each close, fraction of the price, as the calendar says."""
        step = self.candles.rules.step
        return half_spread(self.start + (bars + rules.candles_waited(step)) * step, rules, self.instrument)

    def covered(self, first: Bars, last: Bars) -> Mask:
        """Whether each bar of the clock lies in any of [first, last); (n_bars,)."""
        steps = np.zeros(self.n_bars + 1, np.int64)
        for at, change in ((first, 1), (np.maximum(first, last), -1)):
            np.add.at(steps, np.clip(at, 0, self.n_bars), change)
        is_covered: Mask = np.cumsum(steps)[:-1] > 0
        return is_covered

    @cached_property
    def is_open(self) -> Mask:
        """Whether a position is open at each close."""
        return self.covered(self.entered, self.left)

    @cached_property
    def is_taken(self) -> Mask:
        """Whether a position is open or an order waits at each close, those of this close included."""
        waits = self.covered(self.decided, self.entered) | self.covered(self.wanted, self.waited_until)
        return waits | self.is_open

    @cached_property
    def notional(self) -> FloatArray:
        """Of each trade's entry."""
        quantity, price = (self.trades[name].to_numpy(np.float64) for name in ("quantity", "entry_price"))
        value: FloatArray = quantity * price
        return value

    @property
    def net(self) -> FloatArray:
        """PnL of each trade."""
        return self.trades["net_pnl"].to_numpy(np.float64)

    @property
    def margin(self) -> FloatArray:
        """Of each trade."""
        return self.notional / self.instrument.leverage

    @property
    def paid(self) -> FloatArray:
        """Commission of each trade's entry."""
        return self.notional * self.instrument.commission
