"""The engine's rules once more, trade by trade in plain Python, with switches that plant mistakes."""

from itertools import count

import numpy as np


def reference_trades(candles, side, horizon, half_spread, commission, notional, lag=1, filled_at="open"):
    """Trades as dicts, and the number of unfilled orders.

    `lag` 0 plants a fill on the deciding bar, `filled_at` another price than the open's.
    """
    trades, n_unfilled = [], 0
    segment, is_filled = candles["segment"].tolist(), candles["is_filled"].tolist()
    for first in (i for i in range(len(segment)) if i == 0 or segment[i] != segment[i - 1]):
        last = next(i for i in count(first) if i + 1 == len(segment) or segment[i + 1] != segment[i])
        real = [i for i in range(first, last + 1) if not is_filled[i]]
        free = first  # earliest bar whose close may decide
        while (decision := next((i for i in range(free, last + 1) if side[i]), None)) is not None:
            entry = next((i for i in real if i >= decision + lag), None)
            if entry is None:
                n_unfilled += 1
                break
            end = next((i for i in real if i >= entry + horizon), None)
            s, mid = int(side[decision]), candles[filled_at].iloc[entry]
            mid_out = candles["close"].iloc[last] if end is None else candles["open"].iloc[end]
            entry_price, exit_price = mid * (1 + s * half_spread), mid_out * (1 - s * half_spread)
            quantity = notional / entry_price
            spread = quantity * half_spread * (mid + mid_out)
            paid = quantity * commission * (entry_price + exit_price)
            trades.append(
                {
                    "decision_bar": decision,
                    "entry_bar": entry,
                    "exit_bar": last if end is None else end,
                    "side": s,
                    "is_cut": end is None,
                    "quantity": quantity,
                    "entry_price": entry_price,
                    "exit_price": exit_price,
                    "gross_pnl": s * quantity * (mid_out - mid),
                    "spread_cost": spread,
                    "commission_cost": paid,
                    "net_pnl": s * quantity * (mid_out - mid) - spread - paid,
                }
            )
            free = max(decision + 1, min(entry + horizon - 1, last))
    return trades, n_unfilled


def reference_equity_change(candles, trades, half_spread, commission):
    """Change of equity from close to close, from the account's worth at each close."""
    worth = [0.0]
    for i, close in enumerate(candles["close"]):
        closed = sum(t["net_pnl"] for t in trades if t["exit_bar"] <= i)
        held = [t for t in trades if t["entry_bar"] <= i < t["exit_bar"]]
        fetch = sum(
            t["quantity"] * t["side"] * (close * (1 - t["side"] * half_spread) - t["entry_price"])
            - t["quantity"] * t["entry_price"] * commission
            for t in held
        )
        worth.append(closed + fetch)
    return np.diff(worth)
