"""What the leading symbol has just done, for all symbols, the leader itself included.

`Candles.leader_close` is the leader's close one candle earlier: its same-minute candle is never seen, not
even its past half, for in practice it arrives no sooner than one's own. Where the leader has no candles
(it starts later, ends earlier, or has a gap inside the lookback) each feature is 0, as if it had not moved.
"""

import numpy as np

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import rolling_correlation, rolling_std, rolling_sum


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
