"""What the leading symbol has just done, for all symbols, the leader itself included.

`Candles.leader_close` is the leader's close one candle earlier: its same-minute candle is never seen, not
even its past half, for in practice it arrives no sooner than one's own. In a gap the leader's last close
is carried, by its age alone: whether the gap will be filled, the next candle decides, and that is not known
yet. Where it is unknown (the leader starts later, ends earlier, or a gap within the lookback is longer than
that) each feature is 0, as if the leader had not moved.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import rolling_correlation, rolling_std, rolling_sum


@njit(cache=True)
def close_before(
    time: NDArray[np.int64],
    leader_time: NDArray[np.int64],
    leader_close: FloatArray,
    step: int,
    max_fill: int,
) -> FloatArray:
    """Close of the leader's last candle before each open time, shape (n,), NaN where that is unknown.

    time : (n,) open times, ascending; leader_time, leader_close : (k,) of the leader's REAL candles,
    ascending, none filled; step : length of a candle, in the unit of the times. Known is a candle that
    opened at least a `step` before, and at most `max_fill` steps before that: as old as a gap's last filled
    candle would be.
    """
    close = np.full(time.shape[0], np.nan)
    last = leader_time.shape[0] - 1
    for i in range(time.shape[0] - 1, -1, -1):
        before = time[i] - step
        while last >= 0 and leader_time[last] > before:
            last -= 1
        if last >= 0 and before - leader_time[last] <= max_fill * step:
            close[i] = leader_close[last]
    return close


@feature("leader", over=(1, 5, 15, 60), lookback=lambda window: window + 1)
def leader_return(candles: Candles, window: int) -> FloatArray:
    """Log return of the leader's {} candles before this one."""
    return _zero_where_unknown(rolling_sum(candles.leader_returns, window))


@feature("leader", lookback=16)
def leader_spread_15(candles: Candles) -> FloatArray:
    """Log return of the last 15 candles less that of the leader's 15 candles before this one."""
    own = rolling_sum(candles.returns, 15)
    return _zero_where_unknown(own - rolling_sum(candles.leader_returns, 15))


@feature("leader", lookback=61, low=0)
def leader_volatility_60(candles: Candles) -> FloatArray:
    """Standard deviation of the leader's returns over the 60 candles before this one."""
    return _zero_where_unknown(rolling_std(candles.leader_returns, 60))


@feature("leader", lookback=121, low=-1, high=1)
def leader_correlation_120(candles: Candles) -> FloatArray:
    """Correlation of returns with the leader's one candle before, over 120 candles: how far it leads."""
    return _zero_where_unknown(rolling_correlation(candles.returns, candles.leader_returns, 120))


def _zero_where_unknown(values: FloatArray) -> FloatArray:
    return np.where(np.isnan(values), 0.0, values)
