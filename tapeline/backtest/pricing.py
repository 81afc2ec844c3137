"""What trading a market costs and when it can be traded, worked out once for all signals on it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.backtest.clocks import account_day, minute_of_week, swap_nights
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
    widenings,
)
from tapeline.backtest.engine import TradedMarket
from tapeline.backtest.latency import FillParams, delay_bars, slippage
from tapeline.backtest.records import clock_dtype, symbol_dtype

FloatArray = NDArray[np.float64]
Records = NDArray[np.void]


@dataclass(frozen=True)
class Market:
    """Candles of all symbols; arrays (n_bars, n_symbols), the clock without a hole.

    candles : of `quote_dtype`, prices alone
    sigma : standard deviation of the log returns up to the candle before, which is all that a fill at a
    candle's open can know; atr : average true range up to each candle, price
    """

    timestamp: pd.DatetimeIndex
    minutes: int
    symbols: tuple[str, ...]
    candles: Records
    sigma: FloatArray
    atr: FloatArray

    @cached_property
    def account_day(self) -> NDArray[np.int32]:
        """Account day of each bar, (n_bars,)."""
        return account_day(self.timestamp)

    @cached_property
    def minute_of_week(self) -> NDArray[np.int64]:
        """Minute of the server's week that each bar begins at, (n_bars,)."""
        return minute_of_week(self.timestamp)

    def minute_after(self, delay: int) -> NDArray[np.int64]:
        """The same of the bar so many bars on, (n_bars,)."""
        beyond = self.timestamp[-delay:] + delay * pd.Timedelta(minutes=self.minutes)
        return np.concatenate([self.minute_of_week[delay:], minute_of_week(beyond)])


@dataclass(frozen=True)
class PricedMarket:
    """A market with what trading it costs.

    half_spread_at_fill : (n_bars, n_symbols) of the bar that fills an order made at each close
    can_size : (n_bars, n_symbols) real candles whose slippage and range are known, which alone decide
    """

    market: Market
    traded: TradedMarket
    half_spread_at_fill: FloatArray
    can_size: NDArray[np.bool_]
    delay: int


def price_market(
    market: Market, names: InstrumentNames, costs: CostTerms, execution: FillParams
) -> PricedMarket:
    """Price the fills of `market`; ParamsError if a symbol has no instrument or no costs.

    What the spread will be when an order is filled is known when it is made: the calendar says so.
    """
    quotes = market.candles.copy()
    delay = delay_bars(execution.latency_s, market.minutes)
    basis = costs.basis_bps * BPS * costs.multiple
    slip = slippage(market.sigma, execution.latency_s, execution.slippage, market.minutes)
    is_known = quotes["has_price"] & np.isfinite(slip)
    is_open, may_open = market_hours(market.minute_of_week, costs)
    quotes["slippage"] = slip * costs.multiple + basis
    quotes["can_fill"] = is_known & is_open[:, None]
    quotes["may_open"] = quotes["can_fill"] & may_open[:, None]
    traded_as = [instrument_of(symbol, names, costs) for symbol in market.symbols]
    at_fill = np.empty(quotes.shape)
    now, then = (widenings(each, costs) for each in (market.minute_of_week, market.minute_after(delay)))
    for s, instrument in enumerate(traded_as):
        quotes["half_spread"][:, s] = half_spread(now, instrument, costs)
        at_fill[:, s] = half_spread(then, instrument, costs)
    clock = np.zeros(len(market.timestamp), dtype=clock_dtype)
    clock["day"] = market.account_day
    clock["nights"] = swap_nights(market.timestamp, costs.swap_nights)
    symbols = np.array([_terms(instrument, costs) for instrument in traded_as], dtype=symbol_dtype)
    traded = TradedMarket(quotes, clock, symbols, basis)
    return PricedMarket(market, traded, at_fill, is_known & (market.atr > 0), delay)


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
