"""Candles, predictions and params laid out as the engine takes them: all symbols on one clock."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import talib
from numpy.typing import NDArray

from tapeline.backtest.clocks import account_day, swap_nights
from tapeline.backtest.costs import (
    BPS,
    NIGHTS_A_YEAR,
    CostParams,
    InstrumentNames,
    half_spread,
    instrument_of,
    market_hours,
)
from tapeline.backtest.kernel import Rules
from tapeline.backtest.latency import ExecutionParams, delay_bars, slippage
from tapeline.backtest.records import candle_dtype, clock_dtype, symbol_dtype
from tapeline.backtest.signals import SignalParams, Signals, size

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


@dataclass(frozen=True)
class Plan:
    """All that one backtest takes."""

    candles: Records
    clock: Records
    symbols: Records
    rules: Rules

    def with_sides(self, side: NDArray[np.int8]) -> "Plan":
        """Return the same with other sides wanted."""
        candles = self.candles.copy()
        candles["side"] = side
        return replace(self, candles=candles)


def lay_out(
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
        where = ((table["timestamp"] - first) // pd.Timedelta(minutes=minutes)).to_numpy()
        inside = where >= 0
        at = where[inside]
        for name in ("open", "high", "low", "close"):
            candles[name][at, s] = table[name].to_numpy()[inside]
        candles["has_price"][at, s] = ~table["is_filled"].to_numpy()[inside]
        change = np.log(table["close"]).diff()
        sigma[at, s] = change.rolling(volatility_candles).std().shift().to_numpy()[inside]
        reach = talib.TRANGE(*(table[name].to_numpy(float) for name in ("high", "low", "close")))
        atr[at, s] = pd.Series(reach).rolling(atr_candles).mean().to_numpy()[inside]
    return Market(clock, minutes, tuple(tables), candles, sigma, atr)


def on_clock(market: Market, rows: pd.DataFrame, column: str) -> FloatArray:
    """Column of `rows` (`symbol`, `timestamp`), NaN where there is no row; shape (n_bars, n_symbols)."""
    found = np.full(market.sigma.shape, np.nan)
    bar = ((rows["timestamp"] - market.timestamp[0]) // pd.Timedelta(minutes=market.minutes)).to_numpy()
    symbol = pd.Index(market.symbols).get_indexer(rows["symbol"])
    if (bar < 0).any() or (bar >= len(found)).any() or (symbol < 0).any():
        raise ValueError("rows outside the clock, or of a symbol without candles")
    found[bar, symbol] = rows[column].to_numpy()
    return found


def make_plan(
    market: Market,
    wanted: Signals,
    signals: SignalParams,
    names: InstrumentNames,
    costs: CostParams,
    execution: ExecutionParams,
    horizon: int,
    guard_loss: float = np.inf,
) -> Plan:
    """Price, size and time what is `wanted`; ParamsError if a symbol has no instrument or no costs.

    Only real candles decide. `guard_loss` is account currency below the midnight balance.
    """
    candles = market.candles.copy()
    is_open, may_enter = market_hours(market.timestamp, costs)
    symbols = np.zeros(len(market.symbols), dtype=symbol_dtype)
    basis = costs.basis_bps * BPS * costs.multiple
    slip = slippage(market.sigma, execution.latency_s, execution.slippage, market.minutes)
    candles["slippage"] = slip * costs.multiple + basis
    is_known = np.isfinite(market.sigma)
    candles["can_fill"] = candles["has_price"] & is_open[:, None] & is_known
    candles["may_enter"] = candles["can_fill"] & may_enter[:, None]
    candles["stop"], candles["target"] = signals.stop * market.atr, signals.target * market.atr
    is_wanted = (wanted.side != 0) & candles["has_price"] & (market.atr > 0)
    candles["side"], candles["tier"] = np.where(is_wanted, wanted.side, 0), wanted.tier
    for s, symbol in enumerate(market.symbols):
        traded_as = instrument_of(symbol, names, costs)
        step = traded_as.lot_step * traded_as.contract_size
        symbols[s] = (
            traded_as.commission_bps * BPS * costs.multiple,
            _swap(traded_as.swap_long, costs.multiple),
            _swap(traded_as.swap_short, costs.multiple),
            traded_as.leverage,
            step,
            step,
            traded_as.maximum_lots * traded_as.contract_size,
            False,
        )
        candles["half_spread"][:, s] = half_spread(market.timestamp, traded_as, costs)
        candles["quantity"][:, s] = size(candles["stop"][:, s], step, signals)
    clock = np.zeros(len(market.timestamp), dtype=clock_dtype)
    clock["day"] = account_day(market.timestamp)
    clock["nights"] = swap_nights(market.timestamp, costs.swap_nights)
    rules = Rules(
        signals.initial_balance,
        horizon,
        delay_bars(execution.latency_s, market.minutes),
        signals.max_positions,
        signals.max_margin,
        execution.stop_out,
        guard_loss,
        basis,
        float(execution.exit_commission),
    )
    return Plan(candles, clock, symbols, rules)


def _swap(a_year: float, multiple: float) -> float:
    """Fraction of the notional a night; what is paid is a cost, what is received is not multiplied."""
    return (a_year * multiple if a_year < 0 else a_year) / NIGHTS_A_YEAR
