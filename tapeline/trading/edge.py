"""Where an edge would be: the direction network's calls as round trips, by confidence and holding time."""

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.latency import delay_bars
from tapeline.backtest.losses import commission_per_unit
from tapeline.candles import bar_numbers
from tapeline.evaluation.edge import Calls, edge_table
from tapeline.tiers import ranges_by_share, tier_numbers
from tapeline.trading.accounts import TradingInputs
from tapeline.trading.params import TradingParams


def edge_figures(
    inputs: TradingInputs, direction: pd.DataFrame, validation: pd.DataFrame, params: TradingParams
) -> list[dict[str, Any]]:
    """Rows of the table of gross moves, all predicted test candles of `direction` as calls.

    direction, validation : `symbol`, `timestamp`, `fold`, `prediction`; how confident a call is, its own
    fold's validation says, and never the test
    """
    market, plan, evaluation = inputs.market, inputs.plan(params), params.evaluation
    opens = np.where(plan.candles["has_price"], plan.candles["open"], np.nan)
    quantity = np.maximum(plan.candles["quantity"], plan.symbols["step"])  # that an order of then would have
    fee = commission_per_unit(plan.symbols["fee"], quantity, opens) / opens  # as the others, a fraction
    one_way = plan.candles["half_spread"] + plan.candles["slippage"] + fee
    decided = bar_numbers(direction["timestamp"], market.timestamp[0], market.minutes)
    probability = direction["prediction"].to_numpy()
    filled = decided + delay_bars(params.execution.latency_s, market.minutes)
    is_inside = filled < len(opens)
    calls = Calls(
        bar=filled[is_inside],
        symbol=pd.Index(market.symbols).get_indexer(pd.Index(direction["symbol"]))[is_inside],
        side=np.where(probability >= 0.5, 1, -1)[is_inside],
        share=shares_within(direction, validation, evaluation.edge_shares)[is_inside],
        day=days_since_first(direction["timestamp"])[is_inside],
    )
    table = edge_table(
        opens, one_way, calls, market.symbols, evaluation.edge_shares, evaluation.edge_holds, evaluation.level
    )
    records = table.astype(object).where(table.notna(), None).to_dict("records")
    return cast("list[dict[str, Any]]", records)  # named like its columns


def days_since_first(timestamp: pd.Series) -> NDArray[np.int64]:
    """UTC days from that of the first, shape (n,)."""
    day = timestamp.dt.floor("D")
    days: NDArray[np.int64] = ((day - day.min()) // pd.Timedelta(days=1)).to_numpy()
    return days


def shares_within(
    rows: pd.DataFrame, validation: pd.DataFrame, shares: tuple[float, ...]
) -> NDArray[np.float64]:
    """The smallest of `shares` of its fold's validation that each row is as confident as; NaN: of none.

    A share of 1 holds every row.
    """
    share = np.full(len(rows), np.nan)
    prediction, fold = rows["prediction"].to_numpy(), rows["fold"].to_numpy()
    by_tier = np.array([*sorted(shares), 1.0 if 1.0 in shares else np.nan])  # the last is that of NO_TIER
    for k in np.unique(fold):
        own = validation.loc[validation["fold"] == k, "prediction"].to_numpy()
        tier = tier_numbers(prediction[fold == k], ranges_by_share(own, {str(s): s for s in shares}))
        share[fold == k] = by_tier[tier]
    return share
