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
from tapeline.backtest.windows import window_deviation, window_mean
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
        closes = closes_at(self.priced, np.arange(n_bars)[:, None], np.arange(n_symbols)[None, :])
        is_short = self.priced.can_size & (self.signals.side < 0) & self.may_short
        quantity, can_order = size_orders(closes, is_short, self.params)
        return Sizes(quantity, can_order & self.priced.can_size)

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
        high, low, close = (table[name].to_numpy(float) for name in ("high", "low", "close"))
        known_at_open, reach = measure_moves(high, low, close, volatility_candles, atr_candles)
        sigma[at, s], atr[at, s] = known_at_open[is_on_clock], reach[is_on_clock]
    return Market(clock, minutes, tuple(tables), candles, sigma, atr)


def measure_moves(
    high: FloatArray, low: FloatArray, close: FloatArray, volatility_candles: int, atr_candles: int
) -> tuple[FloatArray, FloatArray]:
    """`Market.sigma` and `Market.atr` of consecutive candles, (n,) each; NaN while too few came before."""
    # One memory layout for all callers: NumPy's logarithm may differ in the last bit by it.
    logarithm = np.log(np.ascontiguousarray(close))
    change, known_at_open = np.full((2, len(close)), np.nan)
    change[1:] = logarithm[1:] - logarithm[:-1]
    known_at_open[1:] = window_deviation(change, volatility_candles)[:-1]
    reach = talib.TRANGE(*(np.ascontiguousarray(each) for each in (high, low, close)))
    return known_at_open, window_mean(reach, atr_candles)


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


class Closes(NamedTuple):
    """Closes that an order may follow, and what their market says of it; arrays of one shape."""

    price: FloatArray
    slippage: FloatArray  # of the fill, fraction of the price, as at the close
    half_spread: FloatArray  # of the bar that fills
    atr: FloatArray  # price
    step: FloatArray  # units
    fee: Records  # terms of the commission


class Decisions(NamedTuple):
    """Sides wanted at closes that can be sized, by bar and symbol; arrays (n,)."""

    bar: NDArray[np.int64]
    symbol: NDArray[np.int64]
    side: NDArray[np.int8]
    tier: NDArray[np.int8]
    closes: Closes


def closes_at(priced: PricedMarket, bar: Any, symbol: Any) -> Closes:
    """What the market says at the closes of `bar` and `symbol`, positions that broadcast to one shape."""
    quotes, symbols = priced.traded.quotes, priced.traded.symbols[symbol]
    return Closes(
        quotes["close"][bar, symbol],
        quotes["slippage"][bar, symbol],
        priced.half_spread_at_fill[bar, symbol],
        priced.market.atr[bar, symbol],
        symbols["step"],
        symbols["fee"],
    )


def size_orders(closes: Closes, is_short: NDArray[np.bool_], params: OrderParams) -> Sizes:
    """Size an order of each of `closes`, a purchase where it is not short."""
    stop = params.stop * closes.atr
    charged = FillCosts(closes.half_spread, closes.slippage, closes.fee)
    side = np.where(is_short, -1, 1)
    quantity = order_size(closes.price, side, stop, charged, closes.step, params.budget)
    can_order = stop > round_trip(closes.price, np.maximum(quantity, closes.step), charged)
    return Sizes(quantity, can_order)


def may_short(priced: PricedMarket, params: OrderParams) -> NDArray[np.bool_]:
    """Whether each symbol may be sold without being held, (n_symbols,)."""
    allowed: NDArray[np.bool_] = ~priced.traded.symbols["is_spot"] & (params.sides == "both")
    return allowed


def order_lines(
    decisions: Decisions, params: OrderParams, shorts: NDArray[np.bool_], room: Records | None = None
) -> tuple[Records, Refused]:
    """Orders of `decisions`, of `order_dtype`, and what could not be ordered; `shorts` as of `may_short`.

    room : that the orders are laid in, as many lines as decisions at least; None: new memory
    """
    bar, symbol, side, tier, closes = decisions
    is_allowed_short = shorts[symbol]
    is_short = side < 0
    quantity, can_order = size_orders(closes, is_short & is_allowed_short, params)
    is_refused_short = is_short & ~is_allowed_short
    refused = Refused(int((~is_refused_short & ~can_order).sum()), int(is_refused_short.sum()))
    is_made = can_order & ~is_refused_short
    made = slice(None) if is_made.all() else np.flatnonzero(is_made)
    n_made = int(np.count_nonzero(is_made))
    orders = np.zeros(n_made, dtype=order_dtype) if room is None else room[:n_made]
    orders["bar"], orders["symbol"] = bar[made], symbol[made]
    orders["side"], orders["tier"], orders["quantity"] = side[made], tier[made], quantity[made]
    atr = closes.atr[made]
    orders["stop"], orders["target"] = params.stop * atr, params.target * atr
    return orders, refused


def rules_of(
    priced: PricedMarket, params: OrderParams, execution: FillParams, hold: int, guard_loss: float
) -> Rules:
    """What steers the engine; `guard_loss` is account currency below the midnight balance."""
    return Rules(
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
    side, shorts = np.where(priced.can_size, signals.side, 0), may_short(priced, params)
    at = bar, symbol = np.divmod(np.flatnonzero(side), side.shape[1])
    decisions = Decisions(bar, symbol, side[at], signals.tier[at], closes_at(priced, bar, symbol))
    orders, refused = order_lines(decisions, params, shorts)
    rules = rules_of(priced, params, execution, hold, guard_loss)
    return Plan(priced, orders, rules, shorts, refused, signals, params)


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
