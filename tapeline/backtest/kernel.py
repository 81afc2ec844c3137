"""The compiled half of the engine: what happens to an account on each bar.

All of it is in this one file, its constants too: Numba keeps compiled code by the file of the function that
was called, and would not see that another one has changed; records alone, whose fields are part of a call,
are beside it. From the top: what it is given, the loop over bars, a bar in the order of its events, bars on
which nothing is filled, orders, fills, and each rule of a price or a sum.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numba import njit
from numpy.typing import NDArray

Records = NDArray[np.void]
Record = Any  # one of them: its fields are known to Numba alone
Amount = Any  # a number in the kernel, an array where trades are planned
Function = TypeVar("Function", bound=Callable[..., Any])

REASONS = ("time", "stop", "target", "guard", "stop_out", "end")  # why a trade ended
TIME, STOP, TARGET, GUARD, STOP_OUT, END = range(len(REASONS))
OPEN = -1  # it has not ended
REFUSALS = ("guard", "positions", "size", "margin", "unfilled", "end")  # why a side became no trade
NO_DAY, TOO_MANY, TOO_SMALL, NO_MARGIN, NOT_OPEN, NO_CANDLES = range(len(REFUSALS))


class Rules(NamedTuple):
    """What steers the engine beside the candles."""

    initial_balance: float  # account currency
    hold: int  # bars a position is held at most, and an order waits
    delay: int  # bars from a decision's to the open that fills it, at least 1
    max_positions: int  # open or ordered
    max_margin: float  # of all positions, fraction of equity, looked at when an order is made
    stop_out: float  # equity over margin at which everything is closed
    guard_loss: float  # below the midnight balance, account currency, that ends a day's trading; inf: none
    basis: float  # how far the venue's extremes may lie beyond the candle's, fraction of the price
    exit_commission: float  # 1: the worst equity is taken after the commission still to pay; 0: before


class Columns(NamedTuple):
    """Columns of `records.bar_dtype`, (n_bars,) each; empty where nobody asked for one."""

    balance: NDArray[np.float64]
    flat_open: NDArray[np.float64]
    equity_open: NDArray[np.float64]
    equity_low: NDArray[np.float64]
    equity: NDArray[np.float64]
    exposure: NDArray[np.float64]
    n_open: NDArray[np.int16]
    n_opened: NDArray[np.int16]
    n_requests: NDArray[np.int16]


class Given(NamedTuple):
    """What a backtest is of: quotes (n_bars, n_symbols), clock (n_bars,), symbols (n_symbols,), orders."""

    quotes: Records
    clock: Records
    symbols: Records
    orders: Records  # by bar and symbol
    rules: Rules
    closes: NDArray[np.int64]  # rising bars at whose close a summary takes the equity
    until: int  # the first bar that is not traded yet


class Book(NamedTuple):
    """What the engine keeps and fills: columns, or the summary of an account, or both."""

    accounts: Records  # (1,) of `account_dtype`
    positions: Records  # (n_symbols,) of `position_dtype`
    trades: Records  # as many lines as orders
    refused: Records  # likewise
    columns: Columns
    summary: Records  # (1,) of `summary_dtype`, or empty
    equity: NDArray[np.float64]  # (n_closes,) at each of `Given.closes`; empty without a summary


def compiled(function: Function) -> Function:
    """Compile a part of `run_bars` into it, without reference counts: its caller holds every array.

    Calls that pass arrays, and counts of who holds them, would take most of a bar's time.
    """
    options: dict[str, Any] = {"_nrt": False, "nogil": True}
    inlined: Function = njit(cache=True, forceinline=True, **options)(function)
    return inlined


@compiled
def run_bars(given: Given, book: Book) -> None:
    """Trade the bars from the account's next one up to `given.until`; fill `book`."""
    account = book.accounts[0]
    i = account.next_bar
    while i < given.until:
        if account.n_waiting == 0:
            i = _hold(given, book, i) if account.n_open > 0 else _rest(given, book, i)
        if i < given.until:
            _begin_day(account, given.clock[i].day)
            _trade_bar(given, book, i)
            i += 1
    account.next_bar = i


@compiled
def _begin_day(account: Record, day: int) -> None:
    """Take the balance of midnight, and trade again, if the account's day is another one."""
    if day != account.day:
        account.day, account.midnight, account.is_guarded = day, account.balance, False


@compiled
def _trade_bar(given: Given, book: Book, i: int) -> None:
    """All events of a bar in their order, and what it leaves in the columns."""
    account, columns = book.accounts[0], book.columns
    equity_open, low = _carry_to_open(given, book, i)
    n_closing = _exit_at_open(given, book, i, low)
    flat_open = account.balance if account.n_open == 0 else np.nan
    n_opened = _fill_orders(given, book, i)
    low = min(low, _trade_intrabar(given, book, i))
    exposure = _mark_to_close(given, book, i)
    equity = equity_of(account.balance, book.positions)
    low = min(low, equity)
    n_ordered = _decide(given, book, i, equity, low)
    put(columns.balance, i, account.balance)
    put(columns.flat_open, i, flat_open)
    put(columns.equity_open, i, equity_open)
    put(columns.equity_low, i, low)
    put(columns.equity, i, equity)
    put(columns.exposure, i, exposure)
    put(columns.n_open, i, account.n_open)
    put(columns.n_opened, i, n_opened)
    put(columns.n_requests, i, n_closing + n_ordered)
    sum_up(given, book, i, equity, low)


@compiled
def _carry_to_open(given: Given, book: Book, i: int) -> tuple[float, float]:
    """Book swap; return equity as it was carried to the open, and the same after what leaving would cost."""
    nights, rules = given.clock[i].nights, given.rules
    equity = worst = book.accounts[0].balance
    for s in range(held(book)):
        p, c, symbol = book.positions[s], given.quotes[i, s], given.symbols[s]
        if p.side != 0:
            if c.has_price:
                p.mark, p.half_spread = c.open, c.half_spread
            if nights > 0:
                rate = symbol.swap_long if p.side > 0 else symbol.swap_short
                p.swap += nights * rate * p.quantity * p.mark
            price = quote_of(p.side, p.mark, p.half_spread)
            equity += value_of(p, price)
            worst += value_after_exit(p, price, symbol, rules)
    return equity, worst


@compiled
def _exit_at_open(given: Given, book: Book, i: int, worst: float) -> int:
    """Close what the broker calls, what is due and what has gapped; return how many orders that took."""
    n_requests = 0
    is_out = worst <= given.rules.stop_out * margin_of(given, book, True)
    for s in range(held(book)):
        p, c = book.positions[s], given.quotes[i, s]
        if p.side != 0 and c.can_fill:
            quote = quote_of(p.side, c.open, c.half_spread)
            is_called, is_due = is_out and not given.symbols[s].is_spot, i >= p.due
            n_requests += is_due and not is_called
            reason, slip = OPEN, c.slippage
            if is_called:
                reason = STOP_OUT
            elif is_won(p, quote):
                reason, slip = TARGET, 0.0
            elif is_due:
                reason = GUARD if p.is_guarded else TIME
            elif is_stopped(p, quote):
                reason = STOP
            if reason != OPEN:
                close_position(given, book, s, i, c.open, slip, c.half_spread, reason)
    return n_requests


@compiled
def _fill_orders(given: Given, book: Book, i: int) -> int:
    """Fill the orders that wait, or end those that waited too long or lack margin; return how many filled."""
    n_opened, rules = 0, given.rules
    for s in range(given.symbols.size if book.accounts[0].n_waiting > 0 else 0):
        p, c = book.positions[s], given.quotes[i, s]
        first = p.order_bar + rules.delay
        if p.order == 0 or i < first:
            continue
        if i >= first + rules.hold:
            end_order(book, s, i, NOT_OPEN)
        elif c.may_open and p.side == 0:
            if is_affordable(given, book, s, c):
                open_position(given, book, s, i, c)
                n_opened += 1
            else:
                end_order(book, s, i, NO_MARGIN)
    return n_opened


@compiled
def _trade_intrabar(given: Given, book: Book, i: int) -> float:
    """Fill stops, add up the worst of the rest, then fill targets, or close all for the broker; the worst."""
    account, rules = book.accounts[0], given.rules
    worst = account.balance
    for s in range(held(book)):
        p, c, symbol = book.positions[s], given.quotes[i, s], given.symbols[s]
        if p.side == 0:
            continue
        price = quote_of(p.side, p.mark, p.half_spread)
        if c.can_fill:
            price = worst_quote(p.side, c, rules.basis)
            if is_stopped(p, price):
                worst += close_position(given, book, s, i, stop_mid(p, c), c.slippage, c.half_spread, STOP)
                continue
            p.mae = max(p.mae, -value_of(p, price))
            p.mfe = max(p.mfe, value_of(p, best_quote(p.side, c)))
        worst += value_after_exit(p, price, symbol, rules)
    margin = margin_of(given, book, True)
    is_out = margin > 0 and worst <= rules.stop_out * margin
    for s in range(held(book)):
        p, c = book.positions[s], given.quotes[i, s]
        if p.side != 0 and c.can_fill:
            if is_out and not given.symbols[s].is_spot:
                mid, slip = c.low if p.side > 0 else c.high, c.slippage + rules.basis
                close_position(given, book, s, i, mid, slip, c.half_spread, STOP_OUT)
            elif is_won(p, best_quote(p.side, c)):
                mid = p.target / (1 - p.side * c.half_spread)
                close_position(given, book, s, i, mid, 0.0, c.half_spread, TARGET)
    return float(worst)


@compiled
def _mark_to_close(given: Given, book: Book, i: int) -> float:
    """Mark what is open or ordered, close it on the last bar; return the notional of what stays open."""
    exposure, is_last = 0.0, i == len(given.quotes) - 1
    for s in range(given.symbols.size):
        p = book.positions[s]
        mark(p, given.quotes[i, s])
        if p.side != 0 and is_last:
            close_position(given, book, s, i, p.mark, p.slippage, p.half_spread, END)
        if p.side != 0:
            exposure += p.quantity * p.mark
    return exposure


@compiled
def _decide(given: Given, book: Book, i: int, equity: float, low: float) -> int:
    """Look at the day's loss, then turn the close's sides into orders; return how many were made."""
    account, orders, rules = book.accounts[0], given.orders, given.rules
    account.is_ruined |= equity <= 0
    account.is_guarded |= account.is_ruined or is_day_lost(account, low, rules)
    if account.is_guarded:
        _end_day(given, book, i)
    n_ordered = 0
    while is_wanted_at(orders, account.next_order, i):
        order = orders[account.next_order]
        p, is_spot = book.positions[order.symbol], given.symbols[order.symbol].is_spot
        if p.order == 0 and is_free(p, i, rules):
            worth = min(equity, account.balance) if is_spot else equity
            refusal = place_order(given, book, order, worth)
            n_ordered += p.order != 0
            if p.order == 0:
                refuse(book, order, refusal)
        account.next_order += 1
    if i == len(given.quotes) - 1:
        for s in range(book.positions.size):
            if book.positions[s].order != 0:
                end_order(book, s, i, NO_CANDLES)
    return n_ordered


@compiled
def _end_day(given: Given, book: Book, i: int) -> None:
    """End what waits, refuse what the close wants, and close what is open at the next open."""
    account, orders = book.accounts[0], given.orders
    for s in range(book.positions.size):
        p, k = book.positions[s], account.next_order
        is_wanted = is_wanted_at(orders, k, i) and orders[k].symbol == s
        if p.order != 0:
            end_order(book, s, i, NO_DAY)
        elif is_wanted and is_free(p, i, given.rules):
            refuse(book, orders[k], NO_DAY)
        if p.side != 0 and p.due > i + 1:
            p.due, p.is_guarded = i + 1, True
        account.next_order += is_wanted


@compiled
def _rest(given: Given, book: Book, i: int) -> int:
    """Pass the bars before the next side with nothing open; return its bar, or the first not traded yet."""
    account, orders, columns = book.accounts[0], given.orders, book.columns
    until = given.until
    if account.next_order < orders.size:
        until = min(until, orders[account.next_order].bar)
    for column in (
        columns.balance, columns.flat_open, columns.equity_open, columns.equity_low, columns.equity
    ):  # fmt: skip
        column[i:until] = account.balance
    for summary in book.summary:  # of what stands still, nothing falls
        take_closes(given, book, summary, until, account.balance)
    return until


@compiled
def _hold(given: Given, book: Book, i: int) -> int:
    """Pass the bars on which all that is open can be filled and nothing is; return the first other one.

    Nothing is filled where no extreme reaches a stop or passes a target, nothing is due, called or ordered,
    and no day is lost or begins: `_trade_bar` would come to the same.
    """
    account, positions, columns, rules = book.accounts[0], book.positions, book.columns, given.rules
    first, until = i, min(given.until, len(given.quotes) - 1)
    for p in positions:
        until = min(until, p.due) if p.side != 0 else until
    margin = margin_of(given, book, True)
    called = rules.stop_out * margin if margin > 0 else -np.inf
    while i < until:
        time, row = given.clock[i], given.quotes[i]
        if time.day != account.day or time.nights > 0:
            break
        k, is_quiet = account.next_order, not account.is_guarded
        while is_wanted_at(given.orders, k, i):
            is_quiet &= not is_free(positions[given.orders[k].symbol], i, rules)
            k += 1
        equity_open = worst_open = worst = equity = account.balance
        exposure = 0.0
        for s in range(given.symbols.size):
            p, c, symbol = positions[s], row[s], given.symbols[s]
            if p.side == 0:
                continue
            at_open = quote_of(p.side, c.open, c.half_spread)
            at_close = quote_of(p.side, c.close, c.half_spread)
            at_worst, at_best = worst_quote(p.side, c, rules.basis), best_quote(p.side, c)
            is_quiet &= c.can_fill and not is_stopped(p, at_worst) and not is_won(p, at_best)
            equity_open += value_of(p, at_open)
            worst_open += value_after_exit(p, at_open, symbol, rules)
            worst += value_after_exit(p, at_worst, symbol, rules)
            equity += value_of(p, at_close)
            exposure += p.quantity * c.close
            p.mae_before, p.mfe_before = p.mae, p.mfe
            p.mae = max(p.mae, -value_of(p, at_worst))
            p.mfe = max(p.mfe, value_of(p, at_best))
        low = min(min(worst_open, worst), equity)
        is_quiet &= worst_open > called and worst > called and equity > 0
        if not is_quiet or is_day_lost(account, low, rules):
            for p in positions:
                p.mae, p.mfe = p.mae_before, p.mfe_before
            break
        account.next_order = k
        put(columns.balance, i, account.balance)
        put(columns.flat_open, i, np.nan)
        put(columns.equity_open, i, equity_open)
        put(columns.equity_low, i, low)
        put(columns.equity, i, equity)
        put(columns.exposure, i, exposure)
        put(columns.n_open, i, account.n_open)
        sum_up(given, book, i, equity, low)
        i += 1
    for s in range(positions.size if i > first else 0):
        mark(positions[s], given.quotes[i - 1, s])
    return i


@compiled
def put(column: NDArray[np.generic], i: int, value: Amount) -> None:
    """Note the value of a bar, if the column is asked for."""
    if column.size:
        column[i] = value


@compiled
def sum_up(given: Given, book: Book, i: int, equity: float, low: float) -> None:
    """Take a bar's equity at its close and its lowest into the summary, if there is one."""
    for summary in book.summary:
        if low < summary.bottom_inside:
            summary.bottom_inside = low
            summary.drawdown_inside = max(summary.drawdown_inside, 1 - low / summary.peak)
        if equity < summary.bottom:
            summary.bottom = equity
            summary.drawdown = max(summary.drawdown, 1 - equity / summary.peak)
        elif equity > summary.peak:
            summary.peak = summary.bottom = summary.bottom_inside = equity
        take_closes(given, book, summary, i + 1, equity)


@compiled
def take_closes(given: Given, book: Book, summary: Record, until: int, equity: float) -> None:
    """Note `equity` at the asked closes before bar `until` that have none yet."""
    while summary.next_close < given.closes.size and given.closes[summary.next_close] < until:
        book.equity[summary.next_close] = equity
        summary.next_close += 1


@compiled
def held(book: Book) -> int:
    """How many symbols to look at for open positions: none if nothing is open."""
    return book.positions.size if book.accounts[0].n_open > 0 else 0


@compiled
def is_wanted_at(orders: Records, k: int, i: int) -> bool:
    """Whether line `k` is of the close of bar `i`."""
    return k < orders.size and orders[k].bar == i


@compiled
def is_free(p: Record, i: int, rules: Rules) -> bool:
    """Whether an order made at the close of bar `i` finds the symbol's position gone."""
    return bool(p.side == 0 or i + rules.delay >= p.due)


@compiled
def is_day_lost(account: Record, low: float, rules: Rules) -> bool:
    """Whether the guard ends the day: too much is lost since midnight."""
    return bool(account.midnight - low >= rules.guard_loss)


@compiled
def place_order(given: Given, book: Book, order: Record, worth: float) -> int:
    """Order the side of a close, cut down to what the portfolio's caps leave, or say why not.

    worth : equity, or the cash in it where that is what pays
    """
    rules, symbol, c = given.rules, given.symbols[order.symbol], given.quotes[order.bar, order.symbol]
    margin, n_taken = 0.0, 0
    for other in range(book.positions.size):
        p = book.positions[other]
        if other == order.symbol:
            continue  # its own position is gone by the time the order is filled
        if p.side != 0:
            margin, n_taken = margin + p.margin, n_taken + 1
        if p.order != 0:
            margin += p.order_quantity * p.mark / given.symbols[other].leverage
            n_taken += p.side == 0
    free = max(0.0, rules.max_margin * worth - margin) * symbol.leverage / c.close
    quantity = np.floor(min(order.quantity, free, symbol.maximum) / symbol.step * (1 + 1e-12)) * symbol.step
    if n_taken >= rules.max_positions:
        return TOO_MANY
    if quantity > 0 and quantity >= symbol.minimum * (1 - 1e-12):
        p = book.positions[order.symbol]
        p.order, p.order_bar, p.order_quantity = order.side, order.bar, quantity
        p.order_stop, p.order_target, p.order_tier = order.stop, order.target, order.tier
        book.accounts[0].n_waiting += 1
    return TOO_SMALL


@compiled
def refuse(book: Book, order: Record, reason: int) -> None:
    """Note that the side of a close became no order."""
    account = book.accounts[0]
    line = book.refused[account.n_refused]
    line.symbol, line.side, line.tier, line.reason = order.symbol, order.side, order.tier, reason
    line.decision_bar, line.last_bar = order.bar, order.bar
    account.n_refused += 1


@compiled
def end_order(book: Book, s: int, i: int, reason: int) -> None:
    """Note that an order that waited became no trade."""
    account, p = book.accounts[0], book.positions[s]
    line = book.refused[account.n_refused]
    line.symbol, line.side, line.tier, line.reason = s, p.order, p.order_tier, reason
    line.decision_bar, line.last_bar, line.quantity = p.order_bar, i, p.order_quantity
    account.n_refused += 1
    account.n_unfilled += 1
    account.n_waiting -= 1
    p.order = 0


@compiled
def is_affordable(given: Given, book: Book, s: int, c: Record) -> bool:
    """Whether equity, or cash for coins, covers the margin of all that is open and of the waiting order."""
    p, symbol, balance = book.positions[s], given.symbols[s], book.accounts[0].balance
    entry = entry_price(p.order, c)
    needed = entry * p.order_quantity / symbol.leverage
    worth = equity_of(balance, book.positions)
    if symbol.is_spot:
        needed += commission_of(symbol.fee, p.order_quantity, entry)
        worth = min(worth, balance)
    return bool(margin_of(given, book, False) + needed <= worth)


@compiled
def open_position(given: Given, book: Book, s: int, i: int, c: Record) -> None:
    """Fill the order at the open; a trade begins."""
    account, p, symbol = book.accounts[0], book.positions[s], given.symbols[s]
    p.side, p.quantity, p.trade = p.order, p.order_quantity, account.n_trades
    p.entry = entry_price(p.side, c)
    p.margin = p.quantity * p.entry / symbol.leverage
    p.stop = p.entry - p.side * p.order_stop
    p.target = p.entry + p.side * p.order_target if p.order_target > 0 else 0.0
    p.mark, p.half_spread, p.slippage = c.open, c.half_spread, c.slippage
    p.swap = p.mae = p.mfe = p.order = 0.0
    p.due, p.is_guarded = i + given.rules.hold, False
    trade, paid = book.trades[p.trade], commission_of(symbol.fee, p.quantity, p.entry)
    trade.symbol, trade.side, trade.tier, trade.quantity = s, p.side, p.order_tier, p.quantity
    trade.decision_bar, trade.entry_bar, trade.entry_price = p.order_bar, i, p.entry
    trade.spread_cost = p.quantity * c.open * c.half_spread
    trade.slippage_cost = p.quantity * c.open * c.slippage
    trade.commission_cost = paid
    trade.gross_pnl = -p.side * p.quantity * c.open
    account.balance -= paid
    account.n_trades += 1
    account.n_open += 1
    account.n_waiting -= 1


@compiled
def close_position(
    given: Given, book: Book, s: int, i: int, mid: float, slippage: float, half_spread: float, reason: int
) -> float:
    """Fill the exit around `mid`, which ends the trade; return the change of balance."""
    account, p = book.accounts[0], book.positions[s]
    price = exit_price(p.side, mid, half_spread, slippage)
    paid = commission_of(given.symbols[s].fee, p.quantity, price)
    made = p.side * p.quantity * (price - p.entry)
    trade = book.trades[p.trade]
    trade.exit_bar, trade.exit_price, trade.reason = i, price, reason
    trade.spread_cost += p.quantity * mid * half_spread
    trade.slippage_cost += p.quantity * mid * slippage
    trade.commission_cost += paid
    trade.gross_pnl += p.side * p.quantity * mid
    trade.swap = p.swap
    trade.net_pnl = made + p.swap - trade.commission_cost
    trade.mae, trade.mfe = max(p.mae, -made - p.swap), max(p.mfe, made + p.swap)
    change = float(made + p.swap - paid)
    account.balance += change
    account.n_open -= 1
    p.side = p.swap = 0.0
    return change


@compiled
def mark(p: Record, c: Record) -> None:
    """Take the close's mid as what the position is worth around, and its costs as those of leaving."""
    if c.has_price:
        p.mark, p.half_spread = c.close, c.half_spread
        p.slippage = c.slippage if c.can_fill else p.slippage


@njit(cache=True, forceinline=True)
def commission_of(fee: Record, quantity: Amount, price: Amount) -> Amount:
    """Commission of a fill, account currency, by its terms of `fee_dtype`; it must not fall with quantity."""
    return fee["rate"] * quantity * price


@compiled
def quote_of(side: float, mid: float, half_spread: float) -> float:
    """What a position of `side` is closed at around `mid`: the bid of a long, the ask of a short."""
    return mid * (1 - side * half_spread)


@compiled
def entry_price(side: float, c: Record) -> float:
    """What an order is filled at, at the open: the ask of a purchase, the bid of a sale, slipped."""
    return float(c.open * (1 + side * (c.half_spread + c.slippage)))


@compiled
def exit_price(side: float, mid: float, half_spread: float, slippage: float) -> float:
    """What a position of `side` is closed at around `mid`, slipped."""
    return mid * (1 - side * (half_spread + slippage))


@compiled
def worst_quote(side: float, c: Record, basis: float) -> float:
    """The worst that a candle may have quoted; the venue's own extreme may lie `basis` further out."""
    return quote_of(side, c.low if side > 0 else c.high, c.half_spread + basis)


@compiled
def best_quote(side: float, c: Record) -> float:
    """The best that a candle quoted."""
    return quote_of(side, c.high if side > 0 else c.low, c.half_spread)


@compiled
def is_stopped(p: Record, quote: float) -> bool:
    """Whether a quote sets the stop off; touching it does."""
    return bool(p.side * (quote - p.stop) <= 0)


@compiled
def is_won(p: Record, quote: float) -> bool:
    """Whether a quote lies beyond the target; touching it does not fill a limit order."""
    return bool(p.target > 0 and p.side * (quote - p.target) > 0)


@compiled
def stop_mid(p: Record, c: Record) -> float:
    """Mid around which a stop is filled inside a candle: its own, or the open's if that was beyond it."""
    mid = p.stop / (1 - p.side * c.half_spread)
    return float(min(mid, c.open) if p.side > 0 else max(mid, c.open))  # passed at the entry


@compiled
def value_of(p: Record, price: float) -> float:
    """Open PnL with swap of a position that is closed at `price`, before its commission."""
    return float(p.side * p.quantity * (price - p.entry) + p.swap)


@compiled
def value_after_exit(p: Record, price: float, symbol: Record, rules: Rules) -> float:
    """The same less the commission still to pay, where the rules take the worst after it."""
    return float(value_of(p, price) - rules.exit_commission * commission_of(symbol.fee, p.quantity, price))


@compiled
def equity_of(balance: float, positions: Records) -> float:
    """Balance and the open PnL of every position at its mark."""
    for p in positions:
        if p.side != 0:
            balance += value_of(p, quote_of(p.side, p.mark, p.half_spread))
    return balance


@compiled
def margin_of(given: Given, book: Book, is_callable: bool) -> float:
    """Margin of all open positions: hedged or not, each needs its own.

    is_callable : only of those that the broker may close; what was bought in cash is its owner's
    """
    total = 0.0
    for s in range(held(book)):
        p = book.positions[s]
        if p.side != 0 and not (is_callable and given.symbols[s].is_spot):
            total += p.margin
    return total


@compiled
def first_bad(quotes: Records, basis: float) -> int:
    """Flat position of the first candle with impossible prices or costs; -1: none.

    Slippage may be unknown where nothing can fill.
    """
    n_symbols: int = quotes.shape[1]
    for i in range(quotes.shape[0]):
        for s in range(n_symbols):
            c = quotes[i, s]
            is_good = not (c.may_open and not c.can_fill) and not (c.can_fill and not c.has_price)
            if c.has_price:
                slip = c.slippage if c.can_fill else 0.0
                is_good &= 0 < c.low <= min(c.open, c.close) and max(c.open, c.close) <= c.high < np.inf
                is_good &= c.half_spread >= 0 and slip >= 0 and c.half_spread + slip + basis < 1
            if not is_good:
                return i * n_symbols + s
    return -1
