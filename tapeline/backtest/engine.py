"""One account over many symbols on one clock, bar by bar.

On each bar, in this order. Swap is booked and equity taken at the open. What is due, or has gapped through
its stop, is sold at the open, then waiting orders are filled there. Inside the bar a stop comes before a
target; the account's worst equity adds up every position's worst, whatever the order they came in. At the
close positions are marked, the day's guard looks, and sides wanted become orders for a later open: never a
fill on the bar that decided. A symbol has one position or order at a time. Marks stand still while a symbol
has no candle, and nothing fills while its market is closed; a position is held through a gap, for nobody
knew of it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tapeline.backtest.positions import (
    enter,
    equity_of,
    excursions,
    leave,
    margin_of,
    place_order,
    position_dtype,
    value_of,
)
from tapeline.backtest.records import (
    END,
    GUARD,
    STOP,
    STOP_OUT,
    TARGET,
    TIME,
    bar_dtype,
    candle_dtype,
    clock_dtype,
    symbol_dtype,
    trade_dtype,
)

Records = NDArray[np.void]


class Rules(NamedTuple):
    """What steers the engine beside the candles."""

    initial_balance: float  # account currency
    horizon: int  # bars a position is held at most
    delay: int  # bars from a decision's to the open that fills it, at least 1
    max_positions: int  # open or ordered
    max_margin: float  # of all positions, fraction of equity, looked at when an order is made
    stop_out: float  # equity over margin at which everything is closed
    guard_loss: float  # below the midnight balance, account currency, that ends a day's trading; inf: none
    basis: float  # how far the venue's extremes may lie beyond the candle's, fraction of the price
    exit_commission: float  # 1: the worst equity is taken after the commission still to pay; 0: before


@dataclass(frozen=True)
class BacktestResult:
    """What happened to the account.

    trades : (n_trades,) of `trade_dtype`, by entry
    bars : (n_bars,) of `bar_dtype`
    n_unfilled : orders that found no open market while their horizon lasted, or no margin
    """

    trades: Records
    bars: Records
    n_unfilled: int


def run_backtest(candles: Records, clock: Records, symbols: Records, rules: Rules) -> BacktestResult:
    """Trade `candles`, (n_bars, n_symbols) of `candle_dtype`; ValueError names what can't be traded."""
    _check(candles, clock, symbols, rules)
    trades = np.zeros(np.count_nonzero(candles["side"]), dtype=trade_dtype)
    bars = np.zeros(len(candles), dtype=bar_dtype)
    account = _run(candles, clock, symbols, rules, trades, bars)[0]
    return BacktestResult(trades[: account["n_trades"]].copy(), bars, int(account["n_unfilled"]))


def _check(candles: Records, clock: Records, symbols: Records, rules: Rules) -> None:
    for name, found, expected in (
        ("candles", candles.dtype, candle_dtype),
        ("clock", clock.dtype, clock_dtype),
        ("symbols", symbols.dtype, symbol_dtype),
    ):
        if found != expected:
            raise ValueError(f"{name} are of dtype {found}, not {expected}")
    if candles.shape != (len(clock), len(symbols)):
        raise ValueError(f"candles of shape {candles.shape}: must be {(len(clock), len(symbols))}")
    if rules.horizon < 1 or rules.delay < 1 or not 0 < rules.initial_balance < np.inf:
        raise ValueError(f"horizon, delay and initial balance must be positive: {rules}")
    bad = _first_bad(candles, rules.basis)
    if bad >= 0:
        bar, symbol = divmod(bad, len(symbols))
        raise ValueError(f"bar {bar} of symbol {symbol} can't be traded: {candles[bar, symbol]}")


@njit(cache=True)
def _first_bad(candles: Records, basis: float) -> int:
    """Flat position of the first candle with impossible prices, costs or wishes; -1: none."""
    for i in range(candles.shape[0]):
        for s in range(candles.shape[1]):
            c = candles[i, s]
            if c.has_price:
                highest, lowest = max(c.open, c.close), min(c.open, c.close)
                if not (0 < c.low <= lowest and highest <= c.high < np.inf):
                    return i * candles.shape[1] + s
                if not (c.half_spread >= 0 and c.slippage >= 0 and c.half_spread + c.slippage + basis < 1):
                    return i * candles.shape[1] + s
            elif c.can_fill or c.side != 0:
                return i * candles.shape[1] + s
            if c.may_enter and not c.can_fill:
                return i * candles.shape[1] + s
            if c.side != 0 and not (0 <= c.quantity < np.inf and 0 < c.stop < np.inf and c.target >= 0):
                return i * candles.shape[1] + s
    return -1


# What the engine keeps of the account between bars.
account_dtype = np.dtype(
    [
        ("balance", np.float64),
        ("midnight", np.float64),  # balance at which the account's day began
        ("is_guarded", np.bool_),  # no more trading today
        ("is_ruined", np.bool_),  # no more trading
        ("n_trades", np.int64),
        ("n_unfilled", np.int64),
    ]
)


@njit(cache=True)
def _run(
    candles: Records, clock: Records, symbols: Records, rules: Rules, trades: Records, bars: Records
) -> Records:
    positions = np.zeros(symbols.size, dtype=position_dtype)
    accounts = np.zeros(1, dtype=account_dtype)
    account = accounts[0]
    account.balance = account.midnight = rules.initial_balance
    for i in range(bars.size):
        if i > 0 and clock[i].day != clock[i - 1].day:
            account.midnight, account.is_guarded = account.balance, False
        row, bar = candles[i], bars[i]
        _open(row, i, clock[i].nights, symbols, rules, account, positions, trades, bar)
        _inside(row, i, symbols, rules, account, positions, trades, bar)
        _close(row, i, i == bars.size - 1, symbols, rules, account, positions, trades, bar)
    return accounts


@njit(cache=True)
def _open(
    row: Records,
    i: int,
    nights: int,
    symbols: Records,
    rules: Rules,
    account: np.record,
    positions: Records,
    trades: Records,
    bar: np.record,
) -> None:
    """Book swap, take equity as it was carried here, fill what is due, then what waits."""
    equity = worst = account.balance
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if p.side != 0:
            if c.has_price:
                p.mark, p.half_spread = c.open, c.half_spread
            if nights > 0:
                rate = symbols[s].swap_long if p.side > 0 else symbols[s].swap_short
                p.swap += nights * rate * p.quantity * p.mark
            value, price = value_of(p)
            equity += value
            worst += value - rules.exit_commission * symbols[s].commission * p.quantity * price
    bar.equity_open, bar.equity_low = equity, worst
    is_out = worst <= rules.stop_out * margin_of(positions, symbols)
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if p.side != 0 and c.can_fill:
            is_due, is_through = i >= p.due, p.side * (c.open * (1 - p.side * c.half_spread) - p.stop) <= 0
            if is_out or is_due or is_through:
                reason = STOP_OUT if is_out else STOP if not is_due else GUARD if p.is_guarded else TIME
                bar.n_requests += is_due and not is_out
                account.balance += leave(
                    p, trades[p.trade], symbols[s], i, c.open, c.slippage, c.half_spread, reason
                )
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if p.order == 0 or i < p.order_bar + rules.delay:
            continue
        if i >= p.order_bar + rules.delay + rules.horizon:
            account.n_unfilled, p.order = account.n_unfilled + 1, 0
        elif c.may_enter and p.side == 0:
            needed = c.open * (1 + p.order * (c.half_spread + c.slippage)) * p.wanted / symbols[s].leverage
            if margin_of(positions, symbols) + needed > equity_of(account.balance, positions):
                account.n_unfilled += 1
            else:
                p.trade = account.n_trades
                account.balance += enter(p, trades[p.trade], symbols[s], s, i, c, rules.horizon)
                account.n_trades += 1
                bar.n_opened += 1
            p.order = 0


@njit(cache=True)
def _inside(
    row: Records,
    i: int,
    symbols: Records,
    rules: Rules,
    account: np.record,
    positions: Records,
    trades: Records,
    bar: np.record,
) -> None:
    """Fill stops, add up the worst of the rest, then fill targets, or close everything for the broker."""
    worst = account.balance
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if p.side == 0:
            continue
        value, price = value_of(p)
        if c.can_fill:
            price = (c.low if p.side > 0 else c.high) * (1 - p.side * (c.half_spread + rules.basis))
            if p.side * (price - p.stop) <= 0:
                middle = p.stop / (1 - p.side * c.half_spread)
                made = leave(p, trades[p.trade], symbols[s], i, middle, c.slippage, c.half_spread, STOP)
                account.balance += made
                worst += made
                continue
            value = excursions(p, trades[p.trade], price, c)
        worst += value - rules.exit_commission * symbols[s].commission * p.quantity * price
    bar.equity_low = min(bar.equity_low, worst)
    margin = margin_of(positions, symbols)
    is_out = margin > 0 and worst <= rules.stop_out * margin
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if p.side == 0 or not c.can_fill:
            continue
        if is_out:
            middle, slip = c.low if p.side > 0 else c.high, c.slippage + rules.basis
            account.balance += leave(p, trades[p.trade], symbols[s], i, middle, slip, c.half_spread, STOP_OUT)
        elif p.target > 0:
            best = (c.high if p.side > 0 else c.low) * (1 - p.side * c.half_spread)
            if p.side * (best - p.target) > 0:
                middle = p.target / (1 - p.side * c.half_spread)
                account.balance += leave(
                    p, trades[p.trade], symbols[s], i, middle, 0.0, c.half_spread, TARGET
                )


@njit(cache=True)
def _close(
    row: Records,
    i: int,
    is_last: bool,
    symbols: Records,
    rules: Rules,
    account: np.record,
    positions: Records,
    trades: Records,
    bar: np.record,
) -> None:
    """Mark positions, look at the day's loss, turn sides wanted into orders; the last bar ends it all."""
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if c.has_price:
            p.mark, p.half_spread = c.close, c.half_spread
            bar.has_price = True
        if p.side != 0 and is_last:
            account.balance += leave(
                p, trades[p.trade], symbols[s], i, p.mark, c.slippage, p.half_spread, END
            )
        if p.side != 0:
            bar.exposure += p.quantity * p.mark
            bar.n_open += 1
    bar.balance, bar.equity = account.balance, equity_of(account.balance, positions)
    bar.equity_low = min(bar.equity_low, bar.equity)
    account.is_ruined |= bar.equity <= 0
    account.is_guarded |= account.is_ruined or account.midnight - bar.equity_low >= rules.guard_loss
    for s in range(symbols.size):
        p, c = positions[s], row[s]
        if account.is_guarded or account.is_ruined:
            account.n_unfilled, p.order = account.n_unfilled + (p.order != 0), 0
            if p.side != 0 and p.due > i + 1:
                p.due, p.is_guarded = i + 1, True
        elif c.side != 0 and p.order == 0 and (p.side == 0 or i + rules.delay >= p.due):
            place_order(positions, symbols, s, i, c, bar.equity, rules.max_margin, rules.max_positions)
            bar.n_requests += p.order != 0
    if is_last:
        for s in range(symbols.size):
            account.n_unfilled += positions[s].order != 0
