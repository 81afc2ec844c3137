"""Quantities of orders: the most whole steps that lose no more than the risk at the stop, all costs included.

An order is sized at the close that decides: its entry at that price with half the spread of the candle that
may fill it first and the slippage known then; its stop so far from there; the stop's own fill worse by the
slippage again; and the commission of both. Less is ordered only where the largest order or the margin says
so.
"""

import numpy as np
import pandas as pd

from tapeline.referee.candles import FloatArray, SymbolCandles, microseconds
from tapeline.referee.clock import Times, half_spread
from tapeline.referee.equity import Path
from tapeline.referee.fills import Fills
from tapeline.referee.findings import Findings
from tapeline.referee.prices import slippage, true_range
from tapeline.referee.rules import AccountRules, InstrumentRules

MONEY = "money"
ROUNDING = 1e-6  # of the risk and of a margin: sigma and true range are added up otherwise by others


def check_sizes(
    fills: Fills,
    trades: pd.DataFrame,
    market: list[SymbolCandles],
    path: Path,
    rules: AccountRules,
    n_unfilled: int,
    title: str,
    findings: Findings,
) -> None:
    """Each quantity of one symbol loses at most the risk, and one step more would not do.

    trades : of all symbols, whose margins are taken; n_unfilled : orders that came to nothing: each took
    margin that is told nowhere, for no longer than an order waits
    """
    instrument, time = rules.instruments[fills.candles.symbol], microseconds(fills.table["decision_time"])
    quantity, close = fills.column("quantity"), fills.candles.close[fills.decided]
    lost = loss_at_stop(fills, rules, instrument)
    allowed = rules.risk * rules.initial_balance
    loss = quantity * lost
    is_bearable = loss <= allowed * (1 + ROUNDING)
    findings.hold(
        MONEY, f"{title}: loss at the stop", is_bearable, loss, f"at most {allowed:g}", fills.place, time
    )
    sure, possible = _margins(fills, trades, market, rules)
    at = np.searchsorted(path.clock, time)
    worth, cash = path.equity[at], np.minimum(path.equity, path.balance)[at]
    worth = cash if instrument.is_cash else worth
    a_unit = close / instrument.leverage
    slack = ROUNDING * rules.initial_balance
    findings.hold(
        MONEY, f"{title}: margin of an order", quantity * a_unit <= rules.max_margin * worth - sure + slack,
        quantity * a_unit, rules.max_margin * worth - sure, fills.place, time,
    )  # fmt: skip
    more = quantity + instrument.step
    would_lose = more * lost > allowed * (1 - ROUNDING)
    is_full = more * a_unit > rules.max_margin * worth - possible - slack
    is_largest = more > instrument.maximum * (1 + ROUNDING)
    is_explained = would_lose | is_full | is_largest
    life = (_delay(rules, fills) + rules.hold) * fills.candles.rules.step
    if n_unfilled and _windows(time[~is_explained], life) <= n_unfilled:
        is_explained = np.ones(time.size, bool)
    findings.hold(
        MONEY, f"{title}: quantity for the risk", is_explained, quantity, "the largest that it allows",
        fills.place, time,
    )  # fmt: skip


def _windows(time: Times, length: int) -> int:
    """Fewest windows of `length` that hold all times, which rise."""
    count, end = 0, -1
    for now in np.sort(time).tolist():
        if now >= end:
            count, end = count + 1, now + length
    return count


def _delay(rules: AccountRules, fills: Fills) -> int:
    """Candles from a decision's to the first that may fill its order."""
    return max(1, -(-int(rules.latency_s * 1e6) // fills.candles.rules.step))


def loss_at_stop(fills: Fills, rules: AccountRules, instrument: InstrumentRules) -> FloatArray:
    """What one unit loses from entry to stop as it is known at the close that decides; price, (n,)."""
    candles, side = fills.candles, fills.side
    waited = _delay(rules, fills) * candles.rules.step
    half = half_spread(candles.time[fills.decided] + waited, rules, instrument)
    slip = slippage(candles, rules, fills.decided)
    entry = candles.close[fills.decided] * (1 + side * (half + slip))
    distance = rules.stop * true_range(candles, rules.atr_candles, fills.decided)
    quote = np.maximum(entry - side * distance, 0.0)  # no price falls below 0
    exit_ = quote / (1 - side * half) * (1 - side * (half + slip))
    loss: FloatArray = side * (entry - exit_) + instrument.commission * (entry + exit_)
    return loss


def _margins(
    fills: Fills, trades: pd.DataFrame, market: list[SymbolCandles], rules: AccountRules
) -> tuple[FloatArray, FloatArray]:
    """Margin of the other symbols at each decision: what was surely there before, and all that may be.

    Orders of the same close may come before or after; those that wait need a margin at the last price.
    """
    decided = microseconds(fills.table["decision_time"])
    sure, waiting = np.zeros(decided.size), np.zeros(decided.size)
    for candles in market:
        if candles.symbol == fills.candles.symbol:
            continue
        own = trades[trades["symbol"] == candles.symbol]
        ordered, entered, left = (microseconds(own[f"{w}_time"]) for w in ("decision", "entry", "exit"))
        leverage = rules.instruments[candles.symbol].leverage
        lots = own["quantity"].to_numpy(np.float64) / leverage
        entry = own["entry_price"].to_numpy(np.float64)
        real = ~candles.is_filled
        at = np.searchsorted(candles.time[real], decided, side="right") - 1
        price = candles.close[real][np.clip(at, 0, None)]
        for k, now in enumerate(decided):
            sure[k] += (lots * entry)[(entered <= now) & (now < left)].sum()
            waiting[k] += price[k] * lots[(ordered <= now) & (now < entered)].sum()
    return sure, sure + waiting
