"""Candles and predictions on one clock of all symbols; signals sized and timed into one backtest's orders."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from tapeline.backtest.costs import CostTerms, InstrumentNames
from tapeline.backtest.engine import orders_in
from tapeline.backtest.kernel import Rules
from tapeline.backtest.latency import FillParams
from tapeline.backtest.losses import FillCosts, order_size, round_trip
from tapeline.backtest.pricing import Market, PricedMarket, price_market
from tapeline.backtest.records import candle_dtype, order_dtype, quote_dtype
from tapeline.backtest.signals import OrderParams, Signals
from tapeline.candles import bar_numbers

FloatArray = NDArray[np.float64]
Records = NDArray[np.void]
ORDER = "side", "tier", "quantity", "stop", "target"  # columns of `candle_dtype` that make an order


class Refused(NamedTuple):
    """Closes at which a side was predicted and no order could follow."""

    inside_costs: int  # the stop was no further away than what opening and closing costs
    shorts: int  # of an account that only buys, or of coins


@dataclass(frozen=True)
class Plan:
    """All that one backtest takes.

    orders : of `order_dtype`, by bar and symbol
    signals, params : what they were made of
    may_short : (n_symbols,)
    """

    priced: PricedMarket
    orders: Records
    rules: Rules
    may_short: NDArray[np.bool_]
    refused: Refused
    signals: Signals
    params: OrderParams

    @property
    def clock(self) -> Records:
        """(n_bars,) of `clock_dtype`."""
        return self.priced.traded.clock

    @property
    def symbols(self) -> Records:
        """(n_symbols,) of `symbol_dtype`."""
        return self.priced.traded.symbols

    @cached_property
    def candles(self) -> Records:
        """Quotes, the size that an order of each close would have, and the orders made; of `candle_dtype`."""
        market, quotes = self.priced.market, self.priced.traded.quotes
        candles = np.zeros(quotes.shape, dtype=candle_dtype)
        for name in quote_dtype.names or ():
            candles[name] = quotes[name]
        candles["stop"], candles["target"] = self.params.stop * market.atr, self.params.target * market.atr
        candles["quantity"], candles["tier"] = self._sizes.quantity, self.signals.tier
        for name in ORDER:
            candles[name][self.orders["bar"], self.orders["symbol"]] = self.orders[name]
        return candles

    @property
    def can_order(self) -> NDArray[np.bool_]:
        """(n_bars, n_symbols) closes after which an order makes sense."""
        return self._sizes.can_order

    @cached_property
    def _sizes(self) -> "Sizes":
        n_bars, n_symbols = self.priced.can_size.shape
        bar, symbol = np.arange(n_bars)[:, None], np.arange(n_symbols)[None, :]
        return size_orders(self.priced, self.signals, self.params, self.may_short, bar, symbol)

    def with_random_sides(self, rng: np.random.Generator) -> "Plan":
        """Return the same decisions without what decided them: coins throw the sides.

        Where nothing is sold short, that is the same number of purchases at times of their own: moved by one
        draw and around the end among the closes that an order can follow, so that none falls away.
        """
        coins = rng.choice(np.array([-1, 1], np.int8), self.priced.can_size.shape)
        if self.may_short.all():
            orders = self.orders.copy()
            orders["side"] *= coins[orders["bar"], orders["symbol"]]
            return replace(self, orders=orders)
        candles = self.candles.copy()
        side = candles["side"] * coins
        for s in np.flatnonzero(~self.may_short):
            closes = np.flatnonzero(self.can_order[:, s])
            moved = int(rng.integers(max(1, closes.size)))
            side[closes, s] = np.roll(candles["side"][closes, s], moved)
        candles["side"] = side
        return replace(self, orders=orders_in(candles))

    def with_orders_of(self, other: "Plan") -> "Plan":
        """Return the sides and sizes of `other` under the costs and delays of this one."""
        return replace(self, orders=other.orders, refused=other.refused)

    def without_stops(self) -> "Plan":
        """Return the same orders in the same sizes, ended by time alone."""
        orders = self.orders.copy()
        orders["stop"], orders["target"] = np.finfo(np.float64).max / 4, 0.0
        return replace(self, orders=orders)


def align_candles(
    tables: Mapping[str, pd.DataFrame],
    first: pd.Timestamp,
    minutes: int,
    volatility_candles: int,
    atr_candles: int,
) -> Market:
    """Lay canonical candle `tables` (symbol -> table, bars of `minutes`) out on one clock from `first` on.

    What a bar knows of volatility comes from it and the candles before, also from those before `first`.
    """
    last = max(table["timestamp"].max() for table in tables.values())
    clock = pd.date_range(first, last, freq=f"{minutes}min", unit="us")
    shape = len(clock), len(tables)
    candles = np.zeros(shape, dtype=quote_dtype)
    sigma, atr = np.full(shape, np.nan), np.full(shape, np.nan)
    for name in ("open", "high", "low", "close"):
        candles[name] = np.nan
    for s, table in enumerate(tables.values()):
        where = bar_numbers(table["timestamp"], first, minutes)
        is_on_clock = where >= 0
        at = where[is_on_clock]
        for name in ("open", "high", "low", "close"):
            candles[name][at, s] = table[name].to_numpy()[is_on_clock]
        candles["has_price"][at, s] = ~table["is_filled"].to_numpy()[is_on_clock]
        change = np.log(table["close"]).diff()
        sigma[at, s] = change.rolling(volatility_candles).std().shift().to_numpy()[is_on_clock]
        reach = talib.TRANGE(*(table[name].to_numpy(float) for name in ("high", "low", "close")))
        atr[at, s] = pd.Series(reach).rolling(atr_candles).mean().to_numpy()[is_on_clock]
    return Market(clock, minutes, tuple(tables), candles, sigma, atr)


def align_predictions(market: Market, rows: pd.DataFrame, column: str) -> FloatArray:
    """Column of `rows` (`symbol`, `timestamp`), NaN where there is no row; shape (n_bars, n_symbols)."""
    aligned = np.full(market.sigma.shape, np.nan)
    bar = bar_numbers(rows["timestamp"], market.timestamp[0], market.minutes)
    symbol = pd.Index(market.symbols).get_indexer(pd.Index(rows["symbol"]))
    if (bar < 0).any() or (bar >= len(aligned)).any() or (symbol < 0).any():
        raise ValueError("rows outside the clock, or of a symbol without candles")
    aligned[bar, symbol] = rows[column].to_numpy()
    return aligned


class Sizes(NamedTuple):
    """What an order of each close would be."""

    quantity: FloatArray  # units
    can_order: NDArray[np.bool_]  # whether it makes sense


def size_orders(
    priced: PricedMarket, signals: Signals, params: OrderParams, may_short: NDArray[np.bool_], bar: Any,
    symbol: Any,
) -> Sizes:  # fmt: skip
    """Size an order of the closes of `bar` and `symbol`, positions of one shape; a long without a side."""
    quotes, symbols = priced.traded.quotes, priced.traded.symbols[symbol]
    can_size = priced.can_size[bar, symbol]
    is_short = can_size & (signals.side[bar, symbol] < 0) & may_short[symbol]
    price, slip = quotes["close"][bar, symbol], quotes["slippage"][bar, symbol]
    step, stop = symbols["step"], params.stop * priced.market.atr[bar, symbol]
    charged = FillCosts(priced.half_spread_at_fill[bar, symbol], slip, symbols["fee"])
    quantity = order_size(price, np.where(is_short, -1, 1), stop, charged, step, params.budget)
    can_order = can_size & (stop > round_trip(price, np.maximum(quantity, step), charged))
    return Sizes(quantity, can_order)


def plan_orders(
    priced: PricedMarket,
    signals: Signals,
    params: OrderParams,
    execution: FillParams,
    hold: int,
    guard_loss: float = np.inf,
) -> Plan:
    """Size and time `signals`; `guard_loss` is account currency below the midnight balance.

    Only real candles decide, and only once their slippage is known.
    """
    may_short = ~priced.traded.symbols["is_spot"] & (params.sides == "both")
    side = np.where(priced.can_size, signals.side, 0)
    bar, symbol = np.divmod(np.flatnonzero(side), side.shape[1])
    quantity, can_order = size_orders(priced, signals, params, may_short, bar, symbol)
    is_refused_short = (side[bar, symbol] < 0) & ~may_short[symbol]
    refused = Refused(int((~is_refused_short & ~can_order).sum()), int(is_refused_short.sum()))
    is_made = can_order & ~is_refused_short
    orders = np.zeros(int(is_made.sum()), dtype=order_dtype)
    orders["bar"], orders["symbol"] = at = bar[is_made], symbol[is_made]
    orders["side"], orders["tier"], orders["quantity"] = side[at], signals.tier[at], quantity[is_made]
    orders["stop"], orders["target"] = (atrs * priced.market.atr[at] for atrs in (params.stop, params.target))
    rules = Rules(
        params.initial_balance,
        hold,
        priced.delay,
        params.max_positions,
        params.max_margin,
        execution.stop_out,
        guard_loss,
        priced.traded.basis,
        float(execution.exit_commission),
    )
    return Plan(priced, orders, rules, may_short, refused, signals, params)


def make_plan(
    market: Market,
    signals: Signals,
    orders: OrderParams,
    names: InstrumentNames,
    costs: CostTerms,
    execution: FillParams,
    hold: int,
    guard_loss: float = np.inf,
) -> Plan:
    """Price a market and plan one backtest on it; ParamsError if a symbol has no instrument or no costs."""
    priced = price_market(market, names, costs, execution)
    return plan_orders(priced, signals, orders, execution, hold, guard_loss)
