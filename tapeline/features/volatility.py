"""How far prices move, whichever way.

Sources: Parkinson (1980), Garman and Klass (1980), Rogers and Satchell (1991), Yang and Zhang (2000),
Barndorff-Nielsen and Shephard (2004, bipower variation).
"""

import numpy as np

from tapeline.features import indicators
from tapeline.features.declare import Candles, FloatArray, feature
from tapeline.features.rolling import lag, ratio, rolling_mean, rolling_std, rolling_sum


@feature("volatility", over=(15, 60, 240), lookback=lambda window: window + 1, low=0)
def volatility(candles: Candles, window: int) -> FloatArray:
    """Standard deviation of one-candle log returns over {} candles (close to close)."""
    return rolling_std(candles.returns, window)


@feature("volatility", lookback=30, low=0)
def parkinson_30(candles: Candles) -> FloatArray:
    """Parkinson's volatility from highs and lows over 30 candles: sqrt(mean(ln(H/L)^2) / (4 ln 2))."""
    squares = np.log(candles.high / candles.low) ** 2
    deviation: FloatArray = np.sqrt(rolling_mean(squares, 30) / (4 * np.log(2)))
    return deviation


@feature("volatility", lookback=30, low=0)
def garman_klass_30(candles: Candles) -> FloatArray:
    """Garman and Klass's volatility over 30 candles:
    sqrt(mean(ln(H/L)^2 / 2 - (2 ln 2 - 1) ln(C/O)^2)).
    """
    body = np.log(candles.close / candles.open)
    squares = np.log(candles.high / candles.low) ** 2 / 2 - (2 * np.log(2) - 1) * body**2
    return np.sqrt(rolling_mean(squares, 30))


@feature("volatility", lookback=30, low=0)
def rogers_satchell_30(candles: Candles) -> FloatArray:
    """Rogers and Satchell's volatility over 30 candles, which a drift does not bias:
    sqrt(mean(ln(H/C) ln(H/O) + ln(L/C) ln(L/O))).
    """
    return np.sqrt(rolling_mean(_rogers_satchell(candles), 30))


@feature("volatility", lookback=31, low=0)
def yang_zhang_30(candles: Candles) -> FloatArray:
    """Yang and Zhang's volatility over 30 candles: variance of the moves between candles, plus k times
    that from open to close, plus (1 - k) times Rogers and Satchell's.
    """
    k = 0.34 / (1.34 + 31 / 29)
    between = rolling_std(np.log(candles.open / lag(candles.close, 1)), 30, ddof=1) ** 2
    within = rolling_std(np.log(candles.close / candles.open), 30, ddof=1) ** 2
    return np.sqrt(between + k * within + (1 - k) * rolling_mean(_rogers_satchell(candles), 30))


@feature("volatility", lookback=308, low=0)
def natr_14(candles: Candles) -> FloatArray:
    """Average true range over 14 candles in percent of the close (Wilder)."""
    return indicators.natr(candles.high, candles.low, candles.close, 14)


@feature("volatility", lookback=241)
def volatility_change(candles: Candles) -> FloatArray:
    """Volatility of 15 candles against that of 240, as log of (1 + 15) / (1 + 240) in basis points."""
    short, long = (1 + 1e4 * rolling_std(candles.returns, window) for window in (15, 240))
    return np.log(short / long)


@feature("volatility", lookback=61, low=0, high=1)
def downside_share_60(candles: Candles) -> FloatArray:
    """Share of falling candles in the sum of squared returns of 60 candles; 0.5 where nothing moved."""
    squares = candles.returns**2
    falling = np.where(candles.returns < 0, squares, 0.0)
    return np.clip(ratio(rolling_sum(falling, 60), rolling_sum(squares, 60), where_zero=0.5), 0, 1)


@feature("volatility", lookback=62, low=0, high=1)
def jump_share_60(candles: Candles) -> FloatArray:
    """Share of jumps in the sum of squared returns of 60 candles: what bipower variation leaves over."""
    steps = np.abs(candles.returns)
    smooth = np.pi / 2 * rolling_sum(steps * lag(steps, 1), 60)
    return np.clip(1 - ratio(smooth, rolling_sum(steps**2, 60), where_zero=1.0), 0, 1)


def _rogers_satchell(candles: Candles) -> FloatArray:
    high, low = (np.log(extreme / candles.close) for extreme in (candles.high, candles.low))
    body = np.log(candles.close / candles.open)
    # Rounding may leave a flat candle a hair below zero.
    variance: FloatArray = np.maximum(high * (high + body) + low * (low + body), 0.0)
    return variance
