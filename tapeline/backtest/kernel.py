"""The compiled half of the engine: what happens to an account on each bar.

All of it is in this one file, its constants too: Numba keeps compiled code by the file of the function that
was called, and would not see that another one has changed.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

Records = NDArray[np.void]
Record = Any  # one of them: its fields are known to Numba alone
Amount = Any  # a number in the kernel, an array where trades are planned

REASONS = ("time", "stop", "target", "guard", "stop_out", "end")  # why a trade ended
TIME, STOP, TARGET, GUARD, STOP_OUT, END = range(len(REASONS))
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


# The terms of a commission, all that `commission_of` asks for; `costs.fee_of` fills them in.
fee_dtype = np.dtype([("rate", np.float64)])  # fraction of a fill's notional

# What the engine keeps of one symbol between bars.
position_dtype = np.dtype(
    [
        ("side", np.int8),  # 0: flat
        ("order", np.int8),  # side of the order that waits; 0: none
        ("order_bar", np.int64),
        ("quantity", np.float64),  # of the position
        ("order_quantity", np.float64),
        ("order_stop", np.float64),  # distance
        ("order_target", np.float64),  # distance; 0: none
        ("order_tier", np.int8),
        ("entry", np.float64),  # filled price
        ("stop", np.float64),  # price, bid of a long and ask of a short
        ("target", np.float64),  # likewise; 0: none
        ("due", np.int64),  # first bar whose open may end the position
        ("is_guarded", np.bool_),  # ends by the guard, not by time
        ("swap", np.float64),
        ("margin", np.float64),
        ("mark", np.float64),  # last seen mid
        ("half_spread", np.float64),  # there
        ("slippage", np.float64),  # of the last candle that could fill
        ("trade", np.int64),  # its line
    ]
)


# What the engine keeps of the account between bars.
account_dtype = np.dtype(
    [
        ("balance", np.float64),
        ("midnight", np.float64),  # balance at which the account's day began
        ("is_guarded", np.bool_),  # no more trading today
        ("is_ruined", np.bool_),  # no more trading
        ("n_trades", np.int64),
        ("n_unfilled", np.int64),
        ("n_refused", np.int64),  # those and sides that became no order
    ]
)


@njit(cache=True)
def run_bars(
    candles: Records,
    clock: Records,
    symbols: Records,
    rules: Rules,
    trades: Records,
    bars: Records,
    refused: Records,
) -> Records:
    """Trade all bars; fill `trades`, `bars` and `refused`, return the account at the end as one record."""
    positions = np.zeros(symbols.size, dtype=position_dtype)
    accounts = np.zeros(1, dtype=account_dtype)
    account = accounts[0]
    account.balance = account.midnight = rules.initial_balance
    for i in range(bars.size):
        if i > 0 and clock[i].day != clock[i - 1].day:
            account.midnight, account.is_guarded = account.balance, False
        bar = bars[i]
        if _is_idle(candles, i, positions, bar):
            bar.balance = bar.flat_open = bar.equity_open = bar.equity_low = bar.equity = account.balance
            continue
        _trade_at_open(candles, i, clock[i].nights, symbols, rules, account, positions, trades, refused, bar)
        _trade_intrabar(candles, i, symbols, rules, account, positions, trades, bar)
        is_last = i == bars.size - 1
        _trade_at_close(candles, i, is_last, symbols, rules, account, positions, trades, refused, bar)
    return accounts


@njit(cache=True)
def _is_idle(candles: Records, i: int, positions: Records, bar: Record) -> bool:
    """Whether nothing is open, ordered or to be ordered; notes whether anything had a price."""
    for s in range(positions.size):
        bar.has_price |= candles[i, s].has_price
        if positions[s].side != 0 or positions[s].order != 0 or candles[i, s].side != 0:
            return False
    return True


@njit(cache=True)
def _trade_at_open(
    candles: Records,
    i: int,
    nights: int,
    symbols: Records,
    rules: Rules,
    account: Record,
    positions: Records,
    trades: Records,
    refused: Records,
    bar: Record,
) -> None:
    """Book swap, take equity as it was carried here, fill what is due, then what waits."""
    equity = worst = account.balance
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if p.side != 0:
            if c.has_price:
                p.mark, p.half_spread = c.open, c.half_spread
            if nights > 0:
                rate = symbols[s].swap_long if p.side > 0 else symbols[s].swap_short
                p.swap += nights * rate * p.quantity * p.mark
            value, price = value_of(p)
            equity += value
            worst += value - rules.exit_commission * commission_of(symbols[s].fee, p.quantity, price)
    bar.equity_open, bar.equity_low = equity, worst
    is_out = worst <= rules.stop_out * margin_of(positions, symbols, True)
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if p.side != 0 and c.can_fill:
            quote = c.open * (1 - p.side * c.half_spread)
            is_due, is_through = i >= p.due, p.side * (quote - p.stop) <= 0
            is_called = is_out and not symbols[s].is_spot
            is_won = not is_called and p.target > 0 and p.side * (quote - p.target) > 0
            if is_called or is_due or is_through or is_won:
                reason = STOP_OUT if is_called else STOP if not is_due else GUARD if p.is_guarded else TIME
                reason, slip = (TARGET, 0.0) if is_won else (reason, c.slippage)
                bar.n_requests += is_due and not is_called
                account.balance += close_position(
                    p, trades[p.trade], symbols[s], i, c.open, slip, c.half_spread, reason
                )
    bar.flat_open = account.balance
    for s in range(symbols.size):
        if positions[s].side != 0:
            bar.flat_open = np.nan
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if p.order == 0 or i < p.order_bar + rules.delay:
            continue
        if i >= p.order_bar + rules.delay + rules.hold:
            end_order(account, refused, p, s, i, NOT_OPEN)
            account.n_unfilled, p.order = account.n_unfilled + 1, 0
        elif c.may_open and p.side == 0:
            entry = c.open * (1 + p.order * (c.half_spread + c.slippage))
            needed = entry * p.order_quantity / symbols[s].leverage
            fee = commission_of(symbols[s].fee, p.order_quantity, entry)
            needed += symbols[s].is_spot * fee
            worth = equity_of(account.balance, positions)
            worth = min(worth, account.balance) if symbols[s].is_spot else worth
            if margin_of(positions, symbols, False) + needed > worth:
                end_order(account, refused, p, s, i, NO_MARGIN)
                account.n_unfilled += 1
            else:
                p.trade = account.n_trades
                account.balance += open_position(p, trades[p.trade], symbols[s], s, i, c, rules.hold)
                account.n_trades += 1
                bar.n_opened += 1
            p.order = 0


@njit(cache=True)
def _trade_intrabar(
    candles: Records,
    i: int,
    symbols: Records,
    rules: Rules,
    account: Record,
    positions: Records,
    trades: Records,
    bar: Record,
) -> None:
    """Fill stops, add up the worst of the rest, then fill targets, or close everything for the broker."""
    worst = account.balance
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if p.side == 0:
            continue
        value, price = value_of(p)
        if c.can_fill:
            price = (c.low if p.side > 0 else c.high) * (1 - p.side * (c.half_spread + rules.basis))
            if p.side * (price - p.stop) <= 0:
                mid = p.stop / (1 - p.side * c.half_spread)
                mid = min(mid, c.open) if p.side > 0 else max(mid, c.open)  # passed at the entry
                made = close_position(p, trades[p.trade], symbols[s], i, mid, c.slippage, c.half_spread, STOP)
                account.balance += made
                worst += made
                continue
            value = excursions(p, trades[p.trade], price, c)
        worst += value - rules.exit_commission * commission_of(symbols[s].fee, p.quantity, price)
    bar.equity_low = min(bar.equity_low, worst)
    margin = margin_of(positions, symbols, True)
    is_out = margin > 0 and worst <= rules.stop_out * margin
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if p.side == 0 or not c.can_fill:
            continue
        if is_out and not symbols[s].is_spot:
            mid, slip = c.low if p.side > 0 else c.high, c.slippage + rules.basis
            account.balance += close_position(
                p, trades[p.trade], symbols[s], i, mid, slip, c.half_spread, STOP_OUT
            )
        elif p.target > 0:
            best = (c.high if p.side > 0 else c.low) * (1 - p.side * c.half_spread)
            if p.side * (best - p.target) > 0:
                mid = p.target / (1 - p.side * c.half_spread)
                account.balance += close_position(
                    p, trades[p.trade], symbols[s], i, mid, 0.0, c.half_spread, TARGET
                )


@njit(cache=True)
def _trade_at_close(
    candles: Records,
    i: int,
    is_last: bool,
    symbols: Records,
    rules: Rules,
    account: Record,
    positions: Records,
    trades: Records,
    refused: Records,
    bar: Record,
) -> None:
    """Mark positions, look at the day's loss, turn sides into orders; the last bar ends it all."""
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if c.has_price:
            p.mark, p.half_spread = c.close, c.half_spread
            p.slippage = c.slippage if c.can_fill else p.slippage
            bar.has_price = True
        if p.side != 0 and is_last:
            account.balance += close_position(
                p, trades[p.trade], symbols[s], i, p.mark, p.slippage, p.half_spread, END
            )
        if p.side != 0:
            bar.exposure += p.quantity * p.mark
            bar.n_open += 1
    bar.balance, bar.equity = account.balance, equity_of(account.balance, positions)
    bar.equity_low = min(bar.equity_low, bar.equity)
    account.is_ruined |= bar.equity <= 0
    account.is_guarded |= account.is_ruined or account.midnight - bar.equity_low >= rules.guard_loss
    for s in range(symbols.size):
        p, c = positions[s], candles[i, s]
        if account.is_guarded or account.is_ruined:
            if p.order != 0:
                end_order(account, refused, p, s, i, NO_DAY)
            elif c.side != 0 and (p.side == 0 or i + rules.delay >= p.due):
                refuse(account, refused, s, i, c, NO_DAY)
            account.n_unfilled, p.order = account.n_unfilled + (p.order != 0), 0
            if p.side != 0 and p.due > i + 1:
                p.due, p.is_guarded = i + 1, True
        elif c.side != 0 and p.order == 0 and (p.side == 0 or i + rules.delay >= p.due):
            worth = min(bar.equity, bar.balance) if symbols[s].is_spot else bar.equity
            refusal = place_order(positions, symbols, s, i, c, worth, rules.max_margin, rules.max_positions)
            bar.n_requests += p.order != 0
            if p.order == 0:
                refuse(account, refused, s, i, c, refusal)
    if is_last:
        for s in range(symbols.size):
            account.n_unfilled += positions[s].order != 0
            if positions[s].order != 0:
                end_order(account, refused, positions[s], s, i, NO_CANDLES)


@njit(cache=True)
def refuse(account: Record, refused: Records, s: int, i: int, c: Record, reason: int) -> None:
    """Note that the side of a close became no order."""
    line = refused[account.n_refused]
    line.symbol, line.side, line.tier, line.reason = s, c.side, c.tier, reason
    line.decision_bar, line.last_bar = i, i
    account.n_refused += 1


@njit(cache=True)
def end_order(account: Record, refused: Records, p: Record, s: int, i: int, reason: int) -> None:
    """Note that an order that waited became no trade."""
    line = refused[account.n_refused]
    line.symbol, line.side, line.tier, line.reason = s, p.order, p.order_tier, reason
    line.decision_bar, line.last_bar, line.quantity = p.order_bar, i, p.order_quantity
    account.n_refused += 1


@njit(cache=True)
def commission_of(fee: Record, quantity: Amount, price: Amount) -> Amount:
    """Commission of a fill, account currency, by its terms of `fee_dtype`; it must not fall with quantity."""
    return fee["rate"] * quantity * price


@njit(cache=True)
def value_of(p: Record) -> tuple[float, float]:
    """Open PnL with swap, and the price that it is taken at, of a position at its mark."""
    price = p.mark * (1 - p.side * p.half_spread)
    return p.side * p.quantity * (price - p.entry) + p.swap, price


@njit(cache=True)
def equity_of(balance: float, positions: Records) -> float:
    """Balance and the open PnL of every position at its mark."""
    for s in range(positions.size):
        if positions[s].side != 0:
            balance += value_of(positions[s])[0]
    return balance


@njit(cache=True)
def margin_of(positions: Records, symbols: Records, is_callable: bool) -> float:
    """Margin of all open positions: hedged or not, each needs its own.

    is_callable : only of those that the broker may close; what was bought in cash is its owner's
    """
    total = 0.0
    for s in range(positions.size):
        if positions[s].side != 0 and not (is_callable and symbols[s].is_spot):
            total += positions[s].margin
    return total


@njit(cache=True)
def place_order(
    positions: Records,
    symbols: Records,
    s: int,
    i: int,
    c: Record,
    worth: float,
    max_margin: float,
    max_positions: int,
) -> int:
    """Order the side of a close, cut down to what the portfolio's caps leave, or say why not.

    worth : equity, or the cash in it where that is what pays
    """
    margin, n_taken = 0.0, 0
    for other in range(positions.size):
        p = positions[other]
        if other == s:
            continue  # its own position is gone by the time the order is filled
        if p.side != 0:
            margin, n_taken = margin + p.margin, n_taken + 1
        if p.order != 0:
            margin += p.order_quantity * p.mark / symbols[other].leverage
            n_taken += p.side == 0
    free = max(0.0, max_margin * worth - margin) * symbols[s].leverage / c.close
    step = symbols[s].step
    quantity = np.floor(min(c.quantity, free, symbols[s].maximum) / step * (1 + 1e-12)) * step
    p = positions[s]
    if n_taken < max_positions and quantity > 0 and quantity >= symbols[s].minimum * (1 - 1e-12):
        p.order, p.order_bar, p.order_quantity = c.side, i, quantity
        p.order_stop, p.order_target, p.order_tier = c.stop, c.target, c.tier
    return TOO_SMALL if n_taken < max_positions else TOO_MANY


@njit(cache=True)
def open_position(p: Record, trade: Record, symbol: Record, s: int, i: int, c: Record, hold: int) -> float:
    """Fill the order at the open; return the change of balance."""
    p.side, p.quantity = p.order, p.order_quantity
    p.entry = c.open * (1 + p.side * (c.half_spread + c.slippage))
    p.margin = p.quantity * p.entry / symbol.leverage
    p.stop = p.entry - p.side * p.order_stop
    p.target = p.entry + p.side * p.order_target if p.order_target > 0 else 0.0
    p.mark, p.half_spread, p.slippage, p.swap = c.open, c.half_spread, c.slippage, 0.0
    p.due, p.is_guarded = i + hold, False
    trade.symbol, trade.side, trade.tier, trade.quantity = s, p.side, p.order_tier, p.quantity
    trade.decision_bar, trade.entry_bar, trade.entry_price = p.order_bar, i, p.entry
    trade.spread_cost = p.quantity * c.open * c.half_spread
    trade.slippage_cost = p.quantity * c.open * c.slippage
    trade.commission_cost = commission_of(symbol.fee, p.quantity, p.entry)
    trade.gross_pnl = -p.side * p.quantity * c.open
    paid: float = trade.commission_cost
    return -paid


@njit(cache=True)
def close_position(
    p: Record,
    trade: Record,
    symbol: Record,
    i: int,
    mid: float,
    slippage: float,
    half_spread: float,
    reason: int,
) -> float:
    """Fill the exit around `mid`; return the change of balance."""
    price = mid * (1 - p.side * (half_spread + slippage))
    paid = commission_of(symbol.fee, p.quantity, price)
    made = p.side * p.quantity * (price - p.entry)
    trade.exit_bar, trade.exit_price, trade.reason = i, price, reason
    trade.spread_cost += p.quantity * mid * half_spread
    trade.slippage_cost += p.quantity * mid * slippage
    trade.commission_cost += paid
    trade.gross_pnl += p.side * p.quantity * mid
    trade.swap = p.swap
    trade.net_pnl = made + p.swap - trade.commission_cost
    trade.mae, trade.mfe = max(trade.mae, -made - p.swap), max(trade.mfe, made + p.swap)
    change: float = made + p.swap - paid
    p.side, p.swap = 0, 0.0
    return change


@njit(cache=True)
def excursions(p: Record, trade: Record, price: float, c: Record) -> float:
    """Note the worst and the best of a bar; return the open PnL at the worst."""
    best = (c.high if p.side > 0 else c.low) * (1 - p.side * c.half_spread)
    worst: float = p.side * p.quantity * (price - p.entry) + p.swap
    trade.mae = max(trade.mae, -worst)
    trade.mfe = max(trade.mfe, p.side * p.quantity * (best - p.entry) + p.swap)
    return worst


@njit(cache=True)
def first_bad(candles: Records, symbols: Records, basis: float) -> int:
    """Flat position of the first candle with impossible prices, costs or orders; -1: none.

    Slippage may be unknown where nothing can fill.
    """
    n_symbols: int = candles.shape[1]
    for i in range(candles.shape[0]):
        for s in range(n_symbols):
            c = candles[i, s]
            if c.has_price:
                highest, lowest = max(c.open, c.close), min(c.open, c.close)
                if not (0 < c.low <= lowest and highest <= c.high < np.inf):
                    return i * n_symbols + s
                slip = c.slippage if c.can_fill else 0.0
                if not (c.half_spread >= 0 and slip >= 0 and c.half_spread + slip + basis < 1):
                    return i * n_symbols + s
            elif c.can_fill or c.side != 0:
                return i * n_symbols + s
            if (c.may_open and not c.can_fill) or (c.side < 0 and symbols[s].is_spot):
                return i * n_symbols + s
            if c.side != 0 and not (0 <= c.quantity < np.inf and 0 < c.stop < np.inf and c.target >= 0):
                return i * n_symbols + s
    return -1
