"""Candles, predictions and params aligned on one clock of all symbols, as the engine takes them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from tapeline.backtest.clocks import account_day, swap_nights
from tapeline.backtest.costs import (
    BPS,
    NIGHTS_A_YEAR,
    CostTerms,
    InstrumentNames,
    InstrumentParams,
    fee_of,
    half_spread,
    instrument_of,
    market_hours,
)
from tapeline.backtest.kernel import Rules
from tapeline.backtest.latency import FillParams, delay_bars, slippage
from tapeline.backtest.losses import FillCosts, order_size, round_trip
from tapeline.backtest.records import candle_dtype, clock_dtype, symbol_dtype
from tapeline.backtest.signals import OrderParams, Signals
from tapeline.candles import bar_numbers

FloatArray = NDArray[np.float64]
Records = NDArray[np.void]


@dataclass(frozen=True)
class Market:
    """Candles of all symbols; arrays (n_bars, n_symbols), the clock without a hole.

    sigma : standard deviation of the log returns up to the candle before, which is all that a fill at a
    candle's open can know; atr : average true range up to each candle, price
    """

    timestamp: pd.DatetimeIndex
    minutes: int
    symbols: tuple[str, ...]
    candles: Records
    sigma: FloatArray
    atr: FloatArray


class Refused(NamedTuple):
    """Closes at which a side was predicted and no order could follow."""

    inside_costs: int  # the stop was no further away than what opening and closing costs
    shorts: int  # of an account that only buys, or of coins


@dataclass(frozen=True)
class Plan:
    """All that one backtest takes.

    may_short : (n_symbols,); can_order : (n_bars, n_symbols) closes after which an order makes sense
    """

    candles: Records
    clock: Records
    symbols: Records
    rules: Rules
    may_short: NDArray[np.bool_]
    can_order: NDArray[np.bool_]
    refused: Refused

    def with_random_sides(self, rng: np.random.Generator) -> "Plan":
        """Return the same decisions without what decided them: coins throw the sides.

        Where nothing is sold short, that is the same number of purchases at times of their own: moved by one
        draw and around the end among the closes that an order can follow, so that none falls away.
        """
        candles = self.candles.copy()
        side = candles["side"] * rng.choice(np.array([-1, 1], np.int8), candles.shape)
        for s in np.flatnonzero(~self.may_short):
            closes = np.flatnonzero(self.can_order[:, s])
            moved = int(rng.integers(max(1, closes.size)))
            side[closes, s] = np.roll(candles["side"][closes, s], moved)
        candles["side"] = side
        return replace(self, candles=candles)

    def with_orders_of(self, other: "Plan") -> "Plan":
        """Return the sides and sizes of `other` under the costs and delays of this one."""
        candles = self.candles.copy()
        for name in ("side", "tier", "quantity", "stop", "target"):
            candles[name] = other.candles[name]
        return replace(self, candles=candles, refused=other.refused)

    def without_stops(self) -> "Plan":
        """Return the same orders in the same sizes, ended by time alone."""
        candles = self.candles.copy()
        candles["stop"], candles["target"] = np.finfo(np.float64).max / 4, 0.0
        return replace(self, candles=candles)


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
    candles = np.zeros(shape, dtype=candle_dtype)
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
    """Price, size and time `signals`; ParamsError if a symbol has no instrument or no costs.

    Only real candles decide, and only once their slippage is known. What the spread will be when an order is
    filled is known when it is made: the calendar says so. `guard_loss` is account currency below the midnight
    balance.
    """
    candles = market.candles.copy()
    delay = delay_bars(execution.latency_s, market.minutes)
    basis = costs.basis_bps * BPS * costs.multiple
    slip = slippage(market.sigma, execution.latency_s, execution.slippage, market.minutes)
    candles["slippage"] = slip * costs.multiple + basis
    is_open, may_open = market_hours(market.timestamp, costs)
    candles["can_fill"] = candles["has_price"] & is_open[:, None] & np.isfinite(slip)
    candles["may_open"] = candles["can_fill"] & may_open[:, None]
    candles["stop"], candles["target"] = orders.stop * market.atr, orders.target * market.atr
    traded_as = [instrument_of(symbol, names, costs) for symbol in market.symbols]
    symbols = np.array([_terms(instrument, costs) for instrument in traded_as], dtype=symbol_dtype)
    filled = market.timestamp + delay * pd.Timedelta(minutes=market.minutes)
    at_fill = np.empty(candles.shape)
    for s, instrument in enumerate(traded_as):
        candles["half_spread"][:, s] = half_spread(market.timestamp, instrument, costs)
        at_fill[:, s] = half_spread(filled, instrument, costs)
    may_short = ~symbols["is_spot"] & (orders.sides == "both")
    charged = FillCosts(at_fill, candles["slippage"], symbols["fee"])
    is_known = candles["has_price"] & np.isfinite(slip) & (market.atr > 0)
    side = np.where(is_known, signals.side, 0)
    is_refused_short = (side < 0) & ~may_short
    direction = np.where((side < 0) & may_short, -1, 1)
    price, stop, step = candles["close"], candles["stop"], symbols["step"]
    candles["quantity"] = order_size(price, direction, stop, charged, step, orders.budget)
    can_order = is_known & (stop > round_trip(price, np.maximum(candles["quantity"], step), charged))
    candles["side"] = np.where(can_order & ~is_refused_short, side, 0)
    candles["tier"] = signals.tier
    refused = Refused(
        int(((side != 0) & ~is_refused_short & ~can_order).sum()),
        int(is_refused_short.sum()),
    )
    clock = np.zeros(len(market.timestamp), dtype=clock_dtype)
    clock["day"] = account_day(market.timestamp)
    clock["nights"] = swap_nights(market.timestamp, costs.swap_nights)
    rules = Rules(
        orders.initial_balance,
        hold,
        delay,
        orders.max_positions,
        orders.max_margin,
        execution.stop_out,
        guard_loss,
        basis,
        float(execution.exit_commission),
    )
    return Plan(candles, clock, symbols, rules, may_short, can_order, refused)


def _terms(instrument: InstrumentParams, costs: CostTerms) -> tuple[float | bool | tuple[float, ...], ...]:
    """What is fixed for a symbol that is traded as `instrument`, in the order of `symbol_dtype`."""
    step, is_spot = instrument.lot_step * instrument.contract_size, instrument.kind == "spot"
    return (
        fee_of(instrument, costs.multiple),
        0.0 if is_spot else _swap(instrument.swap_long, costs.multiple),
        0.0 if is_spot else _swap(instrument.swap_short, costs.multiple),
        instrument.leverage,
        step,
        step,
        instrument.maximum_lots * instrument.contract_size,
        is_spot,
    )


def _swap(a_year: float, multiple: float) -> float:
    """Fraction of the notional a night; what is paid is a cost, what is received is not multiplied."""
    return (a_year * multiple if a_year < 0 else a_year) / NIGHTS_A_YEAR
