"""From predictions to a backtest of all symbols on one account."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from tapeline.backtest.costs import CostParams
from tapeline.backtest.engine import run_backtest
from tapeline.backtest.signals import SignalParams, make_signals
from tapeline.evaluation.performance import score_equity, score_trades
from tapeline.market.tables import read_table


@dataclass(frozen=True)
class Account:
    """What trading did: declared metrics, figures by symbol, equity at every candle's close."""

    metrics: dict[str, Any]
    symbols: dict[str, dict[str, Any]]
    equity: pd.Series


def trade(
    direction: pd.DataFrame,
    trend: pd.DataFrame,
    horizon: int,
    signals: SignalParams,
    costs: CostParams,
    trials: int,
) -> Account:
    """Trade the test candles: `direction` and `trend` hold `symbol`, `timestamp`, `prediction`.

    Each symbol is traded by itself, from its first predicted candle on; the account adds them up. `trials`
    is how many configurations were tried.
    """
    keys = ["symbol", "timestamp"]
    joined = direction[[*keys, "prediction"]].merge(trend[[*keys, "prediction"]], on=keys, how="left")
    trades, changes, by_symbol, n_unfilled = [], {}, {}, 0
    for symbol, predicted in joined.groupby("symbol", observed=True):
        candles = read_table("data/candles", symbol)
        candles = candles[candles["timestamp"] >= predicted["timestamp"].min()].reset_index(drop=True)
        known = candles[["timestamp"]].merge(predicted, on="timestamp", how="left")
        side = make_signals(known["prediction_x"].to_numpy(), known["prediction_y"].to_numpy(), signals)
        notional = signals.notional_share * signals.initial_balance
        result = run_backtest(candles, side, horizon, costs.costs_of(symbol), notional)
        by_symbol[symbol] = score_trades(result.trades)
        trades.append(result.trades)
        n_unfilled += result.n_unfilled
        changes[symbol] = pd.Series(result.equity_change, index=pd.DatetimeIndex(candles["timestamp"]))
    change = pd.concat(changes, axis=1).fillna(0.0).sum(axis=1).sort_index()
    equity = signals.initial_balance + change.cumsum()
    metrics = score_equity(equity, signals.initial_balance, trials)
    every = np.concatenate(trades)
    cuts = {"cut_by_gap": int(every["is_cut"].sum()), "unfilled_orders": n_unfilled}
    return Account(metrics | score_trades(every) | cuts, by_symbol, equity)
