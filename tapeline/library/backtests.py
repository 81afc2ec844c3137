"""The backtest of all symbols on one account, on own signals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from tapeline.backtest.costs import CostTerms, InstrumentNames
from tapeline.backtest.engine import run_orders
from tapeline.backtest.kernel import REASONS
from tapeline.backtest.latency import FillParams
from tapeline.backtest.portfolio import Refused, align_candles, make_plan
from tapeline.backtest.pricing import Market
from tapeline.backtest.signals import OrderParams, Signals
from tapeline.errors import ArgumentError
from tapeline.library.accounts import Account
from tapeline.library.arguments import numbers_of, read_arguments, require_columns, times_of
from tapeline.library.candles import canonical_candles, require_tables
from tapeline.params import Section
from tapeline.schema import INTERVAL_MINUTES, Horizon
from tapeline.tiers import NO_TIER

MONEY = (
    "quantity", "entry_price", "exit_price", "gross_pnl", "spread_cost", "slippage_cost",
    "commission_cost", "swap", "net_pnl", "mae", "mfe",
)  # fmt: skip


class HoldArguments(Section):
    """How long a position lasts, and what ends a day's trading."""

    hold: Horizon
    guard_loss: Annotated[float, Field(gt=0)] | None


@dataclass(frozen=True)
class Backtest:
    """Result of a backtest.

    account : its path, for `judge_account` and `pass_probability`
    trades : a row per round trip: `symbol`, `side`, `decision_time`, `entry_time`, `exit_time`, `reason`,
        and in account currency or price what `backtest.records.trade_dtype` says
    n_unfilled : orders that found no open market, or no margin
    n_inside_costs, n_shorts : signals refused, for a stop inside the round trip's costs, or as short sales
    """

    account: Account
    trades: pd.DataFrame
    n_unfilled: int
    n_inside_costs: int
    n_shorts: int


def backtest(
    candles: Mapping[str, pd.DataFrame],
    signals: pd.DataFrame,
    *,
    interval: str,
    max_fill: int,
    hold: int,
    orders: Mapping[str, Any],
    costs: Mapping[str, Any],
    execution: Mapping[str, Any],
    guard_loss: float | None = None,
) -> Backtest:
    """Trade `signals` on one account from the first of them to the last candle.

    candles : by symbol, as for `feature_table`; interval, max_fill : likewise
    signals : `symbol`, `timestamp` (open of a candle of it), `side` (1 long, -1 short, 0 none), as known at
        that candle's close; filled at a later open, never on the candle that decided
    hold : candles that a position is held at most
    orders : keys of section `signals` of params.yaml: `sides`, `atr_candles`, `stop`, `target`, `risk`,
        `initial_balance`, `max_positions`, `max_margin`
    costs : of section `costs`: `multiple`, `basis_bps`, `widening`, `rollover`, `swap_nights`, `maintenance`,
        and `instruments`, by the symbols of `candles`
    execution : of section `execution`: `latency_s`, `slippage`, `volatility_candles`, `stop_out`,
        `exit_commission`
    guard_loss : account currency below the midnight balance that ends a day's trading; None: no guard
    """
    order_params = read_arguments(OrderParams, orders, "orders")
    terms = read_arguments(CostTerms, costs, "costs")
    fills = read_arguments(FillParams, execution, "execution")
    lasting = read_arguments(HoldArguments, {"hold": hold, "guard_loss": guard_loss})
    candles = require_tables(candles)
    missing = [symbol for symbol in candles if symbol not in terms.instruments]
    if missing:
        raise ArgumentError(f"costs.instruments has no {missing[0]}: must hold every symbol of candles")
    tables = {
        symbol: canonical_candles(table, interval=interval, max_fill=max_fill, name=f"candles of {symbol}")
        for symbol, table in candles.items()
    }
    signals = require_columns(signals, ("symbol", "timestamp", "side"), "signals")
    times = times_of(signals, "timestamp", "signals")
    minutes = INTERVAL_MINUTES[interval]
    market = align_candles(tables, times.min(), minutes, fills.volatility_candles, order_params.atr_candles)
    names = InstrumentNames({symbol: symbol for symbol in tables})
    guard = np.inf if lasting.guard_loss is None else lasting.guard_loss
    plan = make_plan(
        market, _on_market(signals, times, market, tables), order_params, names, terms, fills, hold, guard
    )
    result = run_orders(plan.priced.traded, plan.orders, plan.rules)
    worst = np.ascontiguousarray(result.bars["equity_low"])
    account = Account(market.timestamp, result.bars, worst, order_params.initial_balance)
    refused: Refused = plan.refused
    trades = _trade_table(result.trades, market)
    return Backtest(account, trades, result.n_unfilled, refused.inside_costs, refused.shorts)


def _on_market(
    signals: pd.DataFrame, times: pd.DatetimeIndex, market: Market, tables: Mapping[str, pd.DataFrame]
) -> Signals:
    """Sides at each close of the market, (n_bars, n_symbols); ArgumentError names a row that is at none."""
    sides, symbols = numbers_of(signals, "side", "signals", -1, 1), signals["symbol"].astype(str)
    position = pd.Index(market.symbols).get_indexer(pd.Index(symbols))
    has_candle = np.zeros(len(signals), dtype=bool)
    for s, table in enumerate(tables.values()):
        has_candle |= (position == s) & times.isin(table["timestamp"])
    rows = pd.MultiIndex.from_arrays([symbols, times])
    for is_bad, rule in (
        (position < 0, f"symbol must be one of candles: {', '.join(tables)}"),
        (~has_candle, "there is no such candle; timestamp is the open of a candle"),
        (~np.isin(sides, (-1, 0, 1)), "side must be 1, -1 or 0"),
        (rows.duplicated(), "is there more than once: must be one row per symbol and time"),
    ):
        if is_bad.any():
            row = int(np.argmax(is_bad))
            raise ArgumentError(f"signals, row {row}, {symbols.iloc[row]} {times[row]}: {rule}")
    side: NDArray[np.int8] = np.zeros(market.sigma.shape, np.int8)
    bar = (times - market.timestamp[0]) // pd.Timedelta(minutes=market.minutes)
    side[bar, position] = sides.astype(np.int8)
    return Signals(side, np.full(side.shape, NO_TIER, np.int8))


def _trade_table(trades: NDArray[np.void], market: Market) -> pd.DataFrame:
    columns: dict[str, Any] = {
        "symbol": np.array(market.symbols, dtype=object)[trades["symbol"]],
        "side": trades["side"].astype(np.int64),
    }
    for name in ("decision", "entry", "exit"):
        columns[f"{name}_time"] = market.timestamp[trades[f"{name}_bar"]]
    columns["reason"] = np.array(REASONS, dtype=object)[trades["reason"]]
    return pd.DataFrame(columns | {name: trades[name] for name in MONEY})
