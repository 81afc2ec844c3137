"""A market whose best possible accuracy is known: the default data, and the pipeline's measuring instrument.

Every symbol trends by a hidden Markov chain of its own: up, down or not at all in the market `trend`; in the
market `memory` up or down, as only the order of its candles tells. docs/simulation.md compares the two.
Volatility follows the hour and wanders from day to day, noise is correlated across symbols, every candle is
drawn from an intrabar path, and occasionally candles are missing. Beside the candles goes the ceiling: what
the best filter knew.

A symbol's draws depend on the seed and its position alone and are made minute by minute: more days or more
symbols continue the same market, and only the ceiling of the other symbols of its group changes. Each five in
the order of the list are a group with a noise of its own, independent of all others: the exact filter walks
the joint regimes of all symbols that inform on each other.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from tapeline.errors import ParamsError
from tapeline.market.ceiling import FloatArray, Regimes, ceiling_probability, trend_regimes
from tapeline.market.filters import filter_regimes
from tapeline.market.memory import (
    memory_regimes,
    order_likelihoods,
    side_balances,
    side_likelihoods,
    upper_share,
    walk_memory,
    walk_volume,
)
from tapeline.market.walks import MINUTES_PER_DAY, walk_prices, walk_regimes, walk_volatility
from tapeline.params import Section
from tapeline.schema import OHLCV, TIMESTAMP_TYPE, Seed

GROUP = 5  # symbols: the filter walks 3**5 = 243 joint regimes per minute, 4**5 = 1,024 in the market memory
START_PRICES = (30_000.0, 2_000.0, 100.0, 20.0, 0.5)  # by position in the group
TURNOVER = 300_000.0  # typical for one minute, in the quote currency
GAP_TAIL = 1.5  # P(gap of at least m minutes) = m**-1.5: two in three last one minute, one in 64 more than 15
LARGEST_LOG_MOVE = 25.0  # from the first price; e**25 is 7e10
MAX_GAP = 240  # minutes
# Independent streams of draws.
REGIME, OWN_NOISE, COMMON_NOISE, VOLATILITY, PATH, VOLUME, GAPS, FOLLOWS, BALANCE = range(9)


class SimulationParams(Section):
    """What kind of market to simulate."""

    market: Literal["trend", "memory"]
    signal: Annotated[float, Field(ge=0, le=2)]  # drift of a trend, one-minute sigmas; 0 is nothing to find
    seed: Seed
    days: Annotated[int, Field(ge=1, le=10_000)]
    start: str  # first UTC day, YYYY-MM-DD
    regime_minutes: Annotated[int, Field(ge=2, le=100_000)]  # mean stay in a regime; on a side of memory's
    volatility_bps: Annotated[float, Field(gt=0, le=1000)]  # typical one-minute sigma
    volatility_spread: Annotated[float, Field(ge=0, le=2)]  # standard deviation of log volatility
    correlation: Annotated[float, Field(ge=0, lt=1)]  # of the noise between any two symbols of a group
    gaps_per_day: Annotated[float, Field(ge=0, le=100)]  # expected, per symbol

    @property
    def regimes(self) -> Regimes:
        """The hidden chain of each symbol."""
        make = trend_regimes if self.market == "trend" else memory_regimes
        return make(self.signal, self.regime_minutes)

    @field_validator("start", mode="before")
    @classmethod
    def _is_day(cls, start: object) -> object:
        if not isinstance(start, str):
            raise ValueError("must be a quoted UTC day, 'YYYY-MM-DD'")
        try:
            day = date.fromisoformat(start)
        except ValueError as error:
            raise ValueError("must be a UTC day, 'YYYY-MM-DD'") from error
        if day.isoformat() != start or not 1970 <= day.year <= 2100:
            raise ValueError("must be a UTC day, 'YYYY-MM-DD', of the years 1970 to 2100")
        return start


@dataclass(frozen=True)
class SimulatedSymbol:
    """One symbol's tables, a row for every minute that is not in a gap.

    `candles`: timestamp (open time, UTC), open, high, low, close, volume (base currency).
    `ceiling`: timestamp, probability that the price is higher `horizon` minutes on, given the past; of the
        market memory, `from_returns` and `from_candle` too: given past returns alone, and the last shape.
    """

    candles: pd.DataFrame
    ceiling: pd.DataFrame


@dataclass(frozen=True)
class HiddenMarket:
    """What the simulation knows and candles do not show: n minutes of a group's S symbols, without gaps."""

    group: int  # from 0
    regimes: NDArray[np.int8]  # (n, S) 0 down, 1 flat, 2 up; of the market memory, as memory.py says
    balances: FloatArray  # (n, S) between the shadows, of the market memory; NaN elsewhere
    volume_noise: FloatArray  # (n, S) of log volume, of unit variance
    sigmas: FloatArray  # (n, S) standard deviation of the minute's log return
    scaled_returns: FloatArray  # (n, S) log returns over sigmas

    def ordered(self, order: NDArray[np.int64]) -> "HiddenMarket":
        """The same with its minutes in another order."""
        moved = {
            field.name: getattr(self, field.name)[order] for field in fields(self) if field.name != "group"
        }
        return HiddenMarket(self.group, **moved)


def check_symbols(symbols: Sequence[str]) -> None:
    """Raise ParamsError unless `symbols` are different ones, and there is one."""
    if not symbols or len(set(symbols)) != len(symbols):
        raise ParamsError("data.symbols", list(symbols), "the simulated market needs different symbols")


def groups_of(symbols: Sequence[str]) -> list[list[str]]:
    """Those that share a noise, in the order of the list, which are the groups 0, 1..."""
    return [list(symbols[first : first + GROUP]) for first in range(0, len(symbols), GROUP)]


def simulate(
    params: SimulationParams, symbols: Sequence[str], horizon: int
) -> Iterator[tuple[str, SimulatedSymbol]]:
    """Simulate one-minute candles of each of `symbols` and the best forecast `horizon` minutes ahead.

    In turn, and a group at a time: no more of them is in memory.
    """
    check_symbols(symbols)
    for group, members in enumerate(groups_of(symbols)):
        yield from tell(draw_hidden(params, len(members), group), params, members, horizon).items()


def tell(
    hidden: HiddenMarket, params: SimulationParams, symbols: Sequence[str], horizon: int
) -> dict[str, SimulatedSymbol]:
    """What is told of a group: candles that follow its hidden returns, and the best filter's forecast."""
    ceilings = ceilings_of(hidden, params, horizon)
    timestamps = open_times(params)
    tables = {}
    for position, symbol in enumerate(symbols):
        present = ~_draw_gaps(params, GROUP * hidden.group + position)
        columns = [timestamps, *draw_candles(hidden, params.seed, position)]
        candles = pd.DataFrame(dict(zip(("timestamp", *OHLCV), columns, strict=True)))
        known = {name: probability[:, position] for name, probability in ceilings.items()}
        ceiling = pd.DataFrame({"timestamp": timestamps, **known})
        tables[symbol] = SimulatedSymbol(
            candles[present].reset_index(drop=True), ceiling[present].reset_index(drop=True)
        )
    return tables


def open_times(params: SimulationParams) -> pd.Series:
    """Of every minute's candle, those in gaps too, shape (n,)."""
    steps = np.arange(params.days * MINUTES_PER_DAY) * np.timedelta64(60_000_000, "us")
    minutes = pd.Series(np.datetime64(params.start, "us") + steps)
    times: pd.Series = minutes.dt.tz_localize("UTC").astype(TIMESTAMP_TYPE)
    return times


def ceilings_of(hidden: HiddenMarket, params: SimulationParams, horizon: int) -> dict[str, FloatArray]:
    """What the best filter says, shape (n, S), by what it is given; `probability` of all there is."""
    known = beliefs_of(hidden, params)
    return {name: ceiling_probability(beliefs, params.regimes, horizon) for name, beliefs in known.items()}


def beliefs_of(hidden: HiddenMarket, params: SimulationParams) -> dict[str, FloatArray]:
    """What the best filter believes of the regimes, shape (n, S, K), by what it is given, likewise."""
    returns, regimes = hidden.scaled_returns, params.regimes
    from_returns = filter_regimes(returns, regimes, params.correlation)
    everything, of_shape = what_shows(hidden, params)
    if everything is None or of_shape is None:
        return {"probability": from_returns}
    seen = from_returns * of_shape
    return {
        "probability": filter_regimes(returns, regimes, params.correlation, everything),
        "from_returns": from_returns,
        "from_candle": seen / seen.sum(axis=-1, keepdims=True),
    }


def what_shows(hidden: HiddenMarket, params: SimulationParams) -> tuple[FloatArray | None, FloatArray | None]:
    """Likelihoods (n, S, K) of what candles show beyond returns, and of a candle without the one before it.

    None where a market shows nothing.
    """
    if params.market == "trend":
        return None, None
    of_shape = side_likelihoods(hidden.balances)
    return of_shape * order_likelihoods(hidden.volume_noise), of_shape


def draw_hidden(params: SimulationParams, n_symbols: int, group: int = 0) -> HiddenMarket:
    """Draw regimes, volatility and returns of every minute of a group's `n_symbols`."""
    common = stream_of(params.seed, COMMON_NOISE, group).standard_normal(params.days * MINUTES_PER_DAY)
    drawn = [_draw_symbol(params, GROUP * group + position, common) for position in range(n_symbols)]
    hidden = HiddenMarket(group, *(np.stack(columns, axis=1) for columns in zip(*drawn, strict=True)))
    if np.abs(np.cumsum(hidden.sigmas * hidden.scaled_returns, axis=0)).max() > LARGEST_LOG_MOVE:
        rule = "lets prices run out of range: lower it, signal, regime_minutes or days"
        raise ParamsError("simulation.volatility_bps", params.volatility_bps, rule)
    return hidden


def draw_candles(hidden: HiddenMarket, seed: int, position: int) -> tuple[FloatArray, ...]:
    """Draw the intrabar paths; return open, high, low, close and volume, each of shape (n,).

    position : of the symbol in its group
    """
    scaled, sigmas = hidden.scaled_returns[:, position].copy(), hidden.sigmas[:, position].copy()
    shares = upper_share(hidden.balances[:, position])
    stream = stream_of(seed, PATH, GROUP * hidden.group + position)
    prices = walk_prices(stream, scaled, sigmas, shares, START_PRICES[position])
    # Volume depends on the visible return and on noise: of a trend it holds no more information.
    volume = TURNOVER / START_PRICES[position] * _seasonality(len(scaled))
    volume = np.round(volume * np.exp(0.4 * np.abs(scaled) + 0.5 * hidden.volume_noise[:, position]), 6)
    return prices[:, 0], prices[:, 1], prices[:, 2], prices[:, 3], volume


def _draw_symbol(
    params: SimulationParams, position: int, common: FloatArray
) -> tuple[NDArray[np.int8], FloatArray, FloatArray, FloatArray, FloatArray]:
    """The fields of HiddenMarket of one symbol, each (n,), its returns around the `common` noise (n,)."""
    n_minutes = len(common)
    chances = stream_of(params.seed, REGIME, position).random(n_minutes)
    noise = stream_of(params.seed, VOLUME, position).standard_normal(n_minutes)
    if params.market == "trend":
        regimes, balances = walk_regimes(chances, params.regime_minutes), np.full(n_minutes, np.nan)
    else:
        follows = stream_of(params.seed, FOLLOWS, position).random(n_minutes)
        regimes = walk_memory(chances, follows, params.regime_minutes)
        balances = side_balances(
            stream_of(params.seed, BALANCE, position).standard_normal(n_minutes), regimes
        )
        noise = walk_volume(noise, regimes)
    wander = walk_volatility(stream_of(params.seed, VOLATILITY, position).standard_normal(n_minutes))
    sigmas = (
        params.volatility_bps * 1e-4 * _seasonality(n_minutes) * np.exp(params.volatility_spread * wander)
    )
    own = stream_of(params.seed, OWN_NOISE, position).standard_normal(n_minutes)
    moves = math.sqrt(params.correlation) * common + math.sqrt(1 - params.correlation) * own
    return regimes, balances, noise, sigmas, params.regimes.drifts[regimes] + moves


def stream_of(seed: int, component: int, position: int = 0) -> np.random.Generator:
    """Return the draws of one component of one symbol, the same ones on every call."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(component, position))))


def _seasonality(n_minutes: int) -> FloatArray:
    """Volatility by UTC minute of the day over its mean, highest at 14:30, shape (n_minutes,)."""
    angle = 2 * np.pi * (np.arange(MINUTES_PER_DAY) - 870) / MINUTES_PER_DAY
    return np.resize(1 + 0.35 * np.cos(angle) + 0.1 * np.cos(2 * angle), n_minutes)


def _draw_gaps(params: SimulationParams, position: int) -> NDArray[np.bool_]:
    """True where a candle is missing, shape (n,); gaps may overlap."""
    stream, n_minutes = stream_of(params.seed, GAPS, position), params.days * MINUTES_PER_DAY
    draws = stream.random((n_minutes, 2))
    starts = np.flatnonzero(draws[:, 0] < params.gaps_per_day / MINUTES_PER_DAY)
    lengths = np.minimum((1 - draws[starts, 1]) ** (-1 / GAP_TAIL), MAX_GAP).astype(int)
    missing = np.zeros(n_minutes, bool)
    for start, length in zip(starts, lengths, strict=True):
        missing[start : start + length] = True
    return missing
