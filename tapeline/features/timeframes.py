"""Candles of 5 minutes, 15 minutes and one hour, built from one-minute candles.

They lie on the clock (an hour from :00 to :59), and a feature sees only those that have closed: at minute
t the last one is the last that ended by the close of t, whatever t's place in it. Each looks back over a
finite number of them; Wilder's recursions over hours would need weeks (a 1h RSI(14) about 11,000 minutes).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import talib
from numpy.typing import NDArray

from tapeline.features.declare import Candles, FloatArray, feature, log_return
from tapeline.features.rolling import ratio, rolling_std
from tapeline.features.trend import efficiency_ratio

TIMEFRAMES = {"5m": 5, "15m": 15, "1h": 60}  # minutes
CLOSED = 12  # closed candles that a feature looks back over


def _reach(moves: int) -> Callable[[str], int]:
    """Lookback of a feature of `moves` closes to the next: they, one more, and an unfinished candle."""
    return lambda timeframe: (moves + 2) * TIMEFRAMES[timeframe] - 1


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(1))
def closed_return(candles: Candles, timeframe: str) -> FloatArray:
    """Log return of the last closed {} candle, from the close before it."""
    close, at = closed_candles(candles.close, candles.minute, TIMEFRAMES[timeframe])
    return log_return(close, 1)[at]


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED), low=0)
def closed_volatility(candles: Candles, timeframe: str) -> FloatArray:
    """Standard deviation of the log returns of the last 12 closed {} candles."""
    close, at = closed_candles(candles.close, candles.minute, TIMEFRAMES[timeframe])
    return rolling_std(log_return(close, 1), CLOSED)[at]


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED), low=0, high=1)
def closed_efficiency(candles: Candles, timeframe: str) -> FloatArray:
    """Kaufman's efficiency ratio of the last 12 closed {} candles."""
    close, at = closed_candles(candles.close, candles.minute, TIMEFRAMES[timeframe])
    return efficiency_ratio(close, CLOSED)[at]


@feature("timeframes", over=tuple(TIMEFRAMES), lookback=_reach(CLOSED - 1), low=0, high=1)
def closed_range_position(candles: Candles, timeframe: str) -> FloatArray:
    """Where the last closed {} candle closed between low (0) and high (1) of the last 12; 0.5 where flat."""
    minutes = TIMEFRAMES[timeframe]
    close, at = closed_candles(candles.close, candles.minute, minutes)
    low, _ = closed_candles(candles.low, candles.minute, minutes, np.min)
    high, _ = closed_candles(candles.high, candles.minute, minutes, np.max)
    lowest, highest = talib.MIN(low, timeperiod=CLOSED), talib.MAX(high, timeperiod=CLOSED)
    return ratio(close - lowest, highest - lowest, where_zero=0.5)[at]


def closed_candles(
    values: FloatArray,
    minute: NDArray[np.int64],
    minutes: int,
    gather: Callable[..., FloatArray] | None = None,
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Values of the closed candles of `minutes` and, for each one-minute candle, which was the last closed.

    values : (n,) of consecutive one-minute candles that open at `minute` (n,), minutes since 1970
    gather : what a longer candle takes of its minutes (np.min, np.max); None for the last, its close

    Returns (1 + k,) values, NaN first, and (n,) positions in them, 0 where none has closed. A candle
    whose first minutes are not there has no value and does not count.
    """
    n = values.shape[0]
    if n == 0:
        return np.array([np.nan]), np.zeros(0, dtype=np.int64)
    first_end, at = _last_closed(n, int(minute[0] % minutes), minutes)
    closed = values[first_end::minutes]
    if gather is not None and len(closed):
        whole = values[first_end - minutes + 1 : first_end + 1 + (len(closed) - 1) * minutes]
        closed = gather(whole.reshape(-1, minutes), axis=1)
    return np.concatenate([[np.nan], closed]), at


@lru_cache(maxsize=16)  # the features of one timeframe ask for the same
def _last_closed(n: int, phase: int, minutes: int) -> tuple[int, NDArray[np.int64]]:
    """Row of the first whole longer candle's last minute, and of each of `n` rows the last one closed.

    phase : minutes from the longer candle's open to that of the first row
    """
    first_end = minutes - 1 if phase == 0 else 2 * minutes - 1 - phase
    at = np.maximum((np.arange(n) - first_end) // minutes + 1, 0)
    at.flags.writeable = False
    return first_end, at
