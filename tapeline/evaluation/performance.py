"""What an account earned, and how deep it sank."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DAYS_PER_YEAR = 365  # these markets never close


def score_equity(equity: pd.Series, initial_balance: float) -> dict[str, Any]:
    """Score `equity` at each candle's close (index: open time, UTC; account currency).

    net_pnl : account currency; return_ : fraction of the initial balance
    max_drawdown : deepest fall from a running peak, fraction of that peak
    average_drawdown : mean of the depths of all falls, from leaving a peak to the next or the end
    sharpe_ratio : of daily (UTC) returns, annualised by sqrt(365); None where they do not vary or
        the account was ruined: a return on nothing or less has no meaning
    """
    values = np.concatenate([[initial_balance], equity.to_numpy()])
    depths = drawdown_depths(values)
    daily = equity.groupby(equity.index.floor("D")).last()
    returns = np.diff(np.concatenate([[initial_balance], daily])) / np.concatenate(
        [[initial_balance], daily[:-1]]
    )
    deviation = returns.std(ddof=1) if returns.size > 1 else 0.0
    has_ratio = deviation > 0 and values.min() > 0
    return {
        "days": int(returns.size),
        "net_pnl": float(values[-1] - initial_balance),
        "return_": float(values[-1] / initial_balance - 1),
        "max_drawdown": float(depths.max(initial=0.0)),
        "average_drawdown": float(depths.mean()) if depths.size else 0.0,
        "sharpe_ratio": float(returns.mean() / deviation * DAYS_PER_YEAR**0.5) if has_ratio else None,
    }


def drawdown_depths(equity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Depth of each fall below a running peak, as a fraction of the peak, in time order."""
    peak = np.maximum.accumulate(equity)
    depth = 1 - equity / peak
    is_under = depth > 0
    starts = np.flatnonzero(is_under & ~np.concatenate([[False], is_under[:-1]]))
    return np.maximum.reduceat(np.where(is_under, depth, 0.0), starts) if starts.size else np.empty(0)


def score_trades(trades: NDArray[np.void]) -> dict[str, Any]:
    """Score trades with fields `gross_pnl`, `spread_cost`, `commission_cost`, `net_pnl` (account currency).

    profit_factor : won over lost net PnL, None where nothing was lost
    """
    net = trades["net_pnl"]
    lost = -net[net < 0].sum()
    return {
        "trades": int(net.size),
        "win_rate": float((net > 0).mean()) if net.size else None,
        "profit_factor": float(net[net > 0].sum() / lost) if lost > 0 else None,
        "gross_pnl": float(trades["gross_pnl"].sum()),
        "spread_cost": float(trades["spread_cost"].sum()),
        "commission_cost": float(trades["commission_cost"].sum()),
        "trades_net_pnl": float(net.sum()),
    }
