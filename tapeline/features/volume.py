"""Traded volume and which way it went."""

import numpy as np
import talib

from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import ratio, rolling_sum


@feature("volume", lookback=60)
def volume_ratio_60(candles: Candles) -> FloatArray:
    """Volume against its mean over 60 candles, as log(1 + ratio)."""
    return np.log1p(ratio(candles.volume, rolling_sum(candles.volume, 60) / 60))


@feature("volume", lookback=61, low=-1, high=1)
def signed_volume_60(candles: Candles) -> FloatArray:
    """Share of the last 60 candles' volume on rising closes less that on falling ones (windowed OBV)."""
    signed = np.sign(np.diff(candles.close, prepend=candles.close[0])) * candles.volume
    return np.clip(ratio(rolling_sum(signed, 60), rolling_sum(candles.volume, 60)), -1, 1)


@feature("volume", lookback=15, low=0, high=100)
def mfi_14(candles: Candles) -> FloatArray:
    """Money flow index over 14 candles."""
    return talib.MFI(candles.high, candles.low, candles.close, candles.volume, timeperiod=14)
