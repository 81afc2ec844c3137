"""Candles of 5 minutes, 15 minutes and one hour, built from one-minute candles.

They lie on the clock (an hour from :00 to :59), and a feature sees only those that have closed: at minute
t the last one is the last that ended by the close of t, whatever t's place in it. Each looks back over a
finite number of them; Wilder's recursions over hours would need weeks (a 1h RSI(14) about 11,000 minutes).
"""

from collections.abc import Callable

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.program import apply
from tapeline.features.rolling import log_return, ratio, rolling_max, rolling_min, rolling_std
from tapeline.features.trend import efficiency_ratio

TIMEFRAMES = {"5m": 5, "15m": 15, "1h": 60}  # minutes
CLOSED = 12  # closed candles that a feature looks back over


def _reach(moves: int) -> Callable[[str], int]:
    """Lookback of a feature of `moves` closes to the next: they, one more, and an unfinished candle."""
    return lambda timeframe: (moves + 2) * TIMEFRAMES[timeframe] - 1


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(1))
def closed_return(candles: Candles, timeframe: str) -> FloatArray:
    """Log return of the last closed {} candle, from the close before it."""
    minutes = TIMEFRAMES[timeframe]
    return last_closed(log_return(closed_candles(candles.close, minutes), 1), minutes)


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED), low=0)
def closed_volatility(candles: Candles, timeframe: str) -> FloatArray:
    """Standard deviation of the log returns of the last 12 closed {} candles."""
    minutes = TIMEFRAMES[timeframe]
    returns = log_return(closed_candles(candles.close, minutes), 1)
    return last_closed(rolling_std(returns, CLOSED), minutes)


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED), low=0, high=1)
def closed_efficiency(candles: Candles, timeframe: str) -> FloatArray:
    """Kaufman's efficiency ratio of the last 12 closed {} candles."""
    minutes = TIMEFRAMES[timeframe]
    return last_closed(efficiency_ratio(closed_candles(candles.close, minutes), CLOSED), minutes)


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED - 1), low=0, high=1)
def closed_range_position(candles: Candles, timeframe: str) -> FloatArray:
    """Where the last closed {} candle closed between low (0) and high (1) of the last 12; 0.5 where flat."""
    minutes = TIMEFRAMES[timeframe]
    close = closed_candles(candles.close, minutes)
    lowest = rolling_min(closed_candles(candles.low, minutes, "min"), CLOSED)
    highest = rolling_max(closed_candles(candles.high, minutes, "max"), CLOSED)
    return last_closed(ratio(close - lowest, highest - lowest, where_zero=0.5), minutes)


def closed_candles(values: FloatArray, minutes: int, gather: str = "last") -> FloatArray:
    """Values of the closed candles of `minutes`: what each takes of its minutes, "last", "min" or "max".

    Those whose first minutes are not there have none. They end with the last that has closed.
    """
    closed: FloatArray = apply(f"closed_{gather}", values, clock=minutes)
    return closed


def last_closed(values: FloatArray, minutes: int) -> FloatArray:
    """For each one-minute candle the value of the last of `minutes` that has closed; NaN before the first."""
    at: FloatArray = apply("last_closed", values, option=minutes, clock=1)
    return at
