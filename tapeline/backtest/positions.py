"""One symbol's position and order: what they are worth, what fills them, what an order may take."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Records = NDArray[np.void]

# What the engine keeps of one symbol between bars.
position_dtype = np.dtype(
    [
        ("side", np.int8),  # 0: flat
        ("order", np.int8),  # side of the order that waits; 0: none
        ("order_bar", np.int64),
        ("quantity", np.float64),  # of the position
        ("wanted", np.float64),  # of the order
        ("order_stop", np.float64),  # distance
        ("order_target", np.float64),  # distance; 0: none
        ("order_tier", np.int8),
        ("entry", np.float64),  # filled price
        ("stop", np.float64),  # price, bid of a long and ask of a short
        ("target", np.float64),  # likewise; 0: none
        ("due", np.int64),  # first bar whose open may end the position
        ("is_guarded", np.bool_),  # ends by the guard, not by time
        ("swap", np.float64),
        ("mark", np.float64),  # last seen middle
        ("half_spread", np.float64),  # there
        ("trade", np.int64),  # its line
    ]
)


@njit(cache=True)
def value_of(p: np.record) -> tuple[float, float]:
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
def margin_of(positions: Records, symbols: Records) -> float:
    """Margin of all open positions: hedged or not, each needs its own."""
    total = 0.0
    for s in range(positions.size):
        if positions[s].side != 0:
            total += positions[s].quantity * positions[s].entry / symbols[s].leverage
    return total


@njit(cache=True)
def place_order(
    positions: Records,
    symbols: Records,
    s: int,
    i: int,
    c: np.record,
    equity: float,
    max_margin: float,
    max_positions: int,
) -> None:
    """Order what is wanted at a close, cut down to what the portfolio's caps leave, or nothing."""
    margin, n_taken = 0.0, 0
    for other in range(positions.size):
        p = positions[other]
        if other == s:
            continue  # its own position is gone by the time the order is filled
        if p.side != 0:
            margin, n_taken = margin + p.quantity * p.entry / symbols[other].leverage, n_taken + 1
        if p.order != 0:
            margin += p.wanted * p.mark / symbols[other].leverage
            n_taken += p.side == 0
    free = max(0.0, max_margin * equity - margin) * symbols[s].leverage / c.close
    step = symbols[s].step
    quantity = np.floor(min(c.quantity, free, symbols[s].maximum) / step * (1 + 1e-12)) * step
    p = positions[s]
    if n_taken < max_positions and quantity > 0 and quantity >= symbols[s].minimum * (1 - 1e-12):
        p.order, p.order_bar, p.wanted = c.side, i, quantity
        p.order_stop, p.order_target, p.order_tier = c.stop, c.target, c.tier


@njit(cache=True)
def enter(
    p: np.record, trade: np.record, symbol: np.record, s: int, i: int, c: np.record, horizon: int
) -> float:
    """Fill the order at the open; return the change of balance."""
    p.side, p.quantity = p.order, p.wanted
    p.entry = c.open * (1 + p.side * (c.half_spread + c.slippage))
    p.stop = p.entry - p.side * p.order_stop
    p.target = p.entry + p.side * p.order_target if p.order_target > 0 else 0.0
    p.mark, p.half_spread, p.swap, p.due, p.is_guarded = c.open, c.half_spread, 0.0, i + horizon, False
    trade.symbol, trade.side, trade.tier, trade.quantity = s, p.side, p.order_tier, p.quantity
    trade.decision_bar, trade.entry_bar, trade.entry_price = p.order_bar, i, p.entry
    trade.spread_cost = p.quantity * c.open * c.half_spread
    trade.slippage_cost = p.quantity * c.open * c.slippage
    trade.commission_cost = symbol.commission * p.quantity * p.entry
    trade.gross_pnl = -p.side * p.quantity * c.open
    return -trade.commission_cost


@njit(cache=True)
def leave(
    p: np.record,
    trade: np.record,
    symbol: np.record,
    i: int,
    middle: float,
    slippage: float,
    half_spread: float,
    reason: int,
) -> float:
    """Fill the exit around `middle`; return the change of balance."""
    price = middle * (1 - p.side * (half_spread + slippage))
    paid = symbol.commission * p.quantity * price
    made = p.side * p.quantity * (price - p.entry)
    trade.exit_bar, trade.exit_price, trade.reason = i, price, reason
    trade.spread_cost += p.quantity * middle * half_spread
    trade.slippage_cost += p.quantity * middle * slippage
    trade.commission_cost += paid
    trade.gross_pnl += p.side * p.quantity * middle
    trade.swap = p.swap
    trade.net_pnl = made + p.swap - trade.commission_cost
    trade.mae, trade.mfe = max(trade.mae, -made - p.swap), max(trade.mfe, made + p.swap)
    change = made + p.swap - paid
    p.side, p.swap = 0, 0.0
    return change


@njit(cache=True)
def excursions(p: np.record, trade: np.record, price: float, c: np.record) -> float:
    """Note the worst and the best of a bar; return the open PnL at the worst."""
    best = (c.high if p.side > 0 else c.low) * (1 - p.side * c.half_spread)
    worst = p.side * p.quantity * (price - p.entry) + p.swap
    trade.mae = max(trade.mae, -worst)
    trade.mfe = max(trade.mfe, p.side * p.quantity * (best - p.entry) + p.swap)
    return worst
