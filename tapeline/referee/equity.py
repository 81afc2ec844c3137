"""An account's balance and equity on each candle of its clock, from its trades and candles alone.

A position is worth what closing it at the bid (a short's ask) brings: at an open, at a close, or at the worst
of a candle that the broker may exceed by the basis. Where a symbol has no candle its last price stands. The
commission of an entry is paid at the entry; swap stays with the position until it is closed. The worst of an
account adds up the worst of every position, whatever the order they came in; a stop ends one where it is
filled.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.clock import Times, half_spread, nights_before
from tapeline.referee.rules import AccountRules

NIGHTS = 360  # that a year's swap is divided by
AT_OPEN = "time", "guard"  # exits that are surely at an open
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Held:
    """One symbol's trades on every candle of the clock from entry to exit, both included; arrays (n,).

    trade : position among all trades; bar : on the clock; swap : booked by the bar's open
    at_open, at_close : what the position brings there beyond the balance, swap counted
    at_worst : bounds of what it brings at the candle's worst
    """

    trade: Rows
    bar: Rows
    swap: FloatArray
    at_open: FloatArray
    at_close: FloatArray
    at_worst: tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class Path:
    """The account on each candle of the clock, arrays (n_bars,).

    initial : balance that it began with; balance, equity : at the close
    lowest : bounds of the worst equity in the candle, for an order that the broker fills inside may come
    before or after it
    """

    clock: Times
    initial: float
    balance: FloatArray
    equity: FloatArray
    lowest: tuple[FloatArray, FloatArray]

    @cached_property
    def peak(self) -> FloatArray:
        """Highest equity at a close before each candle, the first balance counted."""
        peak: FloatArray = np.maximum.accumulate(np.r_[self.initial, self.equity])[:-1]
        return peak


def follow(
    clock: Times, trades: pd.DataFrame, market: list[SymbolCandles], rules: AccountRules
) -> tuple[Path, FloatArray]:
    """Follow an account over its `clock`; also the swap of each trade, in their order."""
    at = {when: np.searchsorted(clock, microseconds(trades[f"{when}_time"])) for when in ("entry", "exit")}
    net, quantity = (trades[name].to_numpy(np.float64) for name in ("net_pnl", "quantity"))
    swap, fee = np.zeros(len(trades)), np.zeros(len(trades))
    n_bars = clock.size

    def on_bars(bar: Rows, value: FloatArray) -> FloatArray:
        """Sum of values by bar."""
        summed: FloatArray = np.bincount(bar, weights=value, minlength=n_bars).astype(np.float64)
        return summed

    begun, inside, ended = np.zeros(n_bars), (np.zeros(n_bars), np.zeros(n_bars)), np.zeros(n_bars)
    reason = trades["reason"].to_numpy()
    is_open_exit, is_end = np.isin(reason, (*AT_OPEN, "stop")), reason == "end"
    for candles in market:
        own = np.flatnonzero((trades["symbol"] == candles.symbol).to_numpy())
        if not own.size:
            continue
        instrument = rules.instruments[candles.symbol]
        fee[own] = instrument.commission * quantity[own] * trades["entry_price"].to_numpy(np.float64)[own]
        held = hold(clock, trades, own, at["entry"], at["exit"], candles, rules)
        trade, bar = held.trade, held.bar
        entry, exit_ = at["entry"][trade], at["exit"][trade]
        swap[own] = held.swap[bar == exit_]
        is_carried, is_left = bar > entry, bar == exit_
        begun += on_bars(bar[is_carried], (held.at_open - fee[trade])[is_carried])
        ended += on_bars(bar[~is_left], (held.at_close - fee[trade])[~is_left])
        sums = zip(inside, held.at_worst, (np.minimum, np.maximum), strict=True)
        for bound, worth, choose in sums:
            worst = worth - fee[trade]
            # In an exit's candle: how far below what it made, had it seen the candle's worst before.
            below = worst - net[trade]
            left = np.where(is_end[trade], below, choose(below, 0.0))
            left = np.where(is_open_exit[trade], 0.0, left)
            bound += on_bars(bar, np.where(is_left, left, worst))
    made = np.cumsum(on_bars(at["exit"], net))
    before = rules.initial_balance + np.r_[0.0, made[:-1]]
    closed = rules.initial_balance + made
    paid = np.cumsum(on_bars(at["entry"], fee) - on_bars(at["exit"], fee))
    equity = closed + ended
    lowest = tuple(np.minimum(np.minimum(before + begun, closed + bound), equity) for bound in inside)
    return Path(clock, rules.initial_balance, closed - paid, equity, (lowest[0], lowest[1])), swap


def hold(
    clock: Times,
    trades: pd.DataFrame,
    own: Rows,
    entered: Rows,
    left: Rows,
    candles: SymbolCandles,
    rules: AccountRules,
) -> Held:
    """What the trades `own` of one symbol are worth on each candle that they are held."""
    instrument = rules.instruments[candles.symbol]
    lasted = left[own] - entered[own] + 1
    starts = np.cumsum(lasted) - lasted
    trade = np.repeat(own, lasted)
    bar = np.arange(lasted.sum()) - np.repeat(starts, lasted) + entered[trade]
    side, quantity, price = (
        trades[name].to_numpy(np.float64)[trade] for name in ("side", "quantity", "entry_price")
    )
    real = np.flatnonzero(~candles.is_filled)
    last = real[np.clip(np.searchsorted(candles.time[real], clock[bar], side="right") - 1, 0, None)]
    is_there = candles.time[last] == clock[bar]
    half = half_spread(candles.time, rules, instrument)[last]
    opened = np.where(is_there, candles.open[last], candles.close[last])
    extreme = np.where(side > 0, candles.low[last], candles.high[last])

    nights = np.diff(nights_before(clock, rules.swap_nights), prepend=0)[bar] * (bar > entered[trade])
    a_year = np.where(side > 0, instrument.swap_long, instrument.swap_short)
    booked = nights * a_year / NIGHTS * quantity * opened
    total = np.cumsum(booked)
    swap = total - np.repeat(total[starts] - booked[starts], lasted)

    def worth(mid: FloatArray, away: FloatArray, commission: float) -> FloatArray:
        """Of closing at `mid`, less the share `away` of it and the commission."""
        quote = mid * (1 - side * away)
        value: FloatArray = side * quantity * (quote - price) + swap - commission * quantity * quote
        return value

    fee = instrument.commission * rules.is_exit_commission
    at_open, at_close = worth(opened, half, fee), worth(candles.close[last], half, 0.0)
    worst = np.where(is_there, worth(extreme, half + rules.basis, fee), at_open)
    # In maintenance nothing is quoted, and the price of its open stands.
    best = worst if rules.is_always_open else np.maximum(worst, at_open)
    return Held(trade, bar, swap, at_open, at_close, (worst, best))
