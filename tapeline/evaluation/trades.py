"""What single trades earned and went through."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.significance import Intervals, adjust_for_many, ratio_interval

Records = NDArray[np.void]
Masks = dict[str, NDArray[np.bool_]]
PARTS = ("gross_pnl", "spread_cost", "slippage_cost", "commission_cost", "swap", "net_pnl")
NOTHING = "no trades"


def score_trades(trades: Records) -> dict[str, Any]:
    """Count and add up trades with the fields PARTS (account currency); all None but the count without any.

    win_rate : share with a net profit; profit_factor : won over lost net PnL, None where nothing was lost
    """
    names = "win_rate", "profit_factor", *PARTS
    if not trades.size:
        return {"trades": 0} | dict.fromkeys(names)
    net = trades["net_pnl"]
    lost = -net[net < 0].sum()
    return {
        "trades": int(net.size),
        "win_rate": float((net > 0).mean()),
        "profit_factor": float(net[net > 0].sum() / lost) if lost > 0 else None,
        **{name: float(trades[name].sum()) for name in PARTS},
    }


def describe_trades(trades: Records, reasons: tuple[str, ...], minutes: int) -> dict[str, Any]:
    """How long trades lasted, how far they went for and against (`mae`, `mfe`), and why they ended.

    Candles are of `minutes`; `reason` is a position in `reasons`. None without trades.
    """
    names = "average_win", "average_loss", "largest_loss", "minutes", "mae", "mfe"
    ended = {name: int((trades["reason"] == k).sum()) for k, name in enumerate(reasons)}
    if not trades.size:
        return dict.fromkeys(names) | {"ended_by": ended}
    net = trades["net_pnl"]
    lasted = (trades["exit_bar"] - trades["entry_bar"]) * minutes
    figures = (
        float(net[net > 0].mean()) if (net > 0).any() else None,
        float(net[net < 0].mean()) if (net < 0).any() else None,
        float(net.min()),
        *(quartiles(values) for values in (lasted, trades["mae"], trades["mfe"])),
    )
    return dict(zip(names, figures, strict=True)) | {"ended_by": ended}


def quartiles(values: NDArray[np.number]) -> list[float]:
    """Quantiles 0.25, 0.5, 0.75."""
    return [float(quantile) for quantile in np.quantile(values, [0.25, 0.5, 0.75])]


def score_cells(
    net: NDArray[np.float64], day: NDArray[np.int64], cells: Masks, n_days: int, level: float
) -> dict[str, Any]:
    """Net PnL of the trades in each cell of a table, and its mean a trade with an interval over days.

    day : of each trade, 0 to `n_days` - 1. p-values are of a mean of zero, adjusted for there being so many
    cells. An empty cell has None.
    """
    names = "net_pnl", "mean", "low", "high", "p_value", "p_adjusted"
    table: dict[str, Any] = {}
    for name, mask in cells.items():
        if not mask.any():
            table[name] = {"trades": 0} | dict.fromkeys(names)
            continue
        total, count = (
            np.bincount(day[mask], weights, n_days).astype(np.float64)
            for weights in (net[mask], np.ones(mask.sum()))
        )
        p_value = Intervals(np.arange(n_days), level).mean(total).p_value(0.0)
        ends = ratio_interval(total, count, level)
        figures = float(net[mask].sum()), float(net[mask].mean()), *ends, p_value, p_value
        table[name] = {"trades": int(mask.sum())} | dict(zip(names, figures, strict=True))
    scored = [cell for cell in table.values() if cell["trades"]]
    adjusted = adjust_for_many([cell["p_value"] for cell in scored])
    for cell, p_value in zip(scored, adjusted, strict=True):
        cell["p_adjusted"] = p_value
    return table
