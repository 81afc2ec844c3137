"""What is to be predicted, from the `horizon` candles after t and nothing else."""

import numpy as np

from tapeline.features.declare import FloatArray
from tapeline.features.trend import efficiency_ratio


def direction(close: FloatArray, horizon: int) -> FloatArray:
    """1 where close[t+horizon] > close[t], 0 where lower, NaN where equal or not there; shape (n,)."""
    out = np.full(close.shape[0], np.nan)
    if close.shape[0] > horizon:
        move = np.sign(close[horizon:] - close[:-horizon])
        out[:-horizon] = np.where(move == 0, np.nan, (move + 1) / 2)
    return out


def trend_strength(close: FloatArray, horizon: int) -> FloatArray:
    """Kaufman's efficiency ratio of the next `horizon` candles, in 0..1, NaN where not there; shape (n,).

    NaN, too, where the price never moved: 0/0 has no trend.
    """
    out = np.full(close.shape[0], np.nan)
    if close.shape[0] > horizon:
        n_moves = np.concatenate([[0], np.cumsum(np.diff(close) != 0)])
        moved = n_moves[horizon:] > n_moves[:-horizon]
        out[:-horizon] = np.where(moved, efficiency_ratio(close, horizon)[horizon:], np.nan)
    return out
