"""Traded volume and which way it went.

Volumes of exchanges and symbols differ by orders of magnitude, so each is set against its own past.
Sources: Amihud (2002, illiquidity); Chaikin's money flow; Granville's on-balance volume.
"""

import numpy as np

from tapeline.features import indicators
from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio, rolling_correlation, rolling_mean, rolling_sum


@feature("volume", lookback=60, low=0)
def volume_ratio_60(candles: Candles) -> FloatArray:
    """Volume against its mean over 60 candles, as log(1 + ratio)."""
    return np.log1p(ratio(candles.volume, rolling_mean(candles.volume, 60)))


@feature("volume", lookback=240, low=0)
def volume_change(candles: Candles) -> FloatArray:
    """Mean volume of 15 candles against that of 240, as log(1 + ratio)."""
    return np.log1p(ratio(rolling_mean(candles.volume, 15), rolling_mean(candles.volume, 240)))


@feature("volume", over=(60, 240), lookback=lambda window: window + 1, low=-1, high=1)
def obv(candles: Candles, window: int) -> FloatArray:
    """On-balance volume gained over {} candles, in parts of their volume: rising closes less falling."""
    steps = np.sign(candles.returns) * candles.volume
    return np.clip(ratio(rolling_sum(steps, window), rolling_sum(candles.volume, window)), -1, 1)


@feature("volume", lookback=15, low=0, high=100)
def mfi_14(candles: Candles) -> FloatArray:
    """Money flow index over 14 candles."""
    return indicators.mfi(candles.high, candles.low, candles.close, candles.volume, 14)


@feature("volume", lookback=20, low=-1, high=1)
def cmf_20(candles: Candles) -> FloatArray:
    """Chaikin's money flow over 20 candles: volume weighted by where closes lie in their ranges."""
    place = ratio(2 * candles.close - candles.high - candles.low, candles.high - candles.low)
    flow = rolling_sum(place * candles.volume, 20)
    return np.clip(ratio(flow, rolling_sum(candles.volume, 20)), -1, 1)


@feature("volume", over=(60, 240), lookback=lambda window: window)
def vwap_distance(candles: Candles, window: int) -> FloatArray:
    """Log of the close over the volume-weighted mean typical price of {} candles; 0 without volume."""
    typical = (candles.high + candles.low + candles.close) / 3
    traded = rolling_sum(typical * candles.volume, window)
    value_at_close = candles.close * rolling_sum(candles.volume, window)
    return np.log(ratio(value_at_close, traded, where_zero=1.0))


@feature("volume", lookback=241)
def amihud_60(candles: Candles) -> FloatArray:
    """Amihud's illiquidity, |return| a unit of traded value, mean of 60 candles against that of 240,
    as log of (ratio + 0.01); a candle without volume counts 0.
    """
    impact = ratio(np.abs(candles.returns), candles.close * candles.volume)
    short, long = rolling_mean(impact, 60), rolling_mean(impact, 240)
    return np.log(ratio(short, long, where_zero=1.0) + 0.01)


@feature("volume", lookback=61, low=-1, high=1)
def volume_move_correlation_60(candles: Candles) -> FloatArray:
    """Correlation of volume with the size of the return over 60 candles."""
    return rolling_correlation(candles.volume, np.abs(candles.returns), 60)
