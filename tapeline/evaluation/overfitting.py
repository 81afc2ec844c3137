"""How likely the best of many configurations is only the luckiest."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
MOST_BLOCKS = 16


def blocks_of(n_days: int) -> int:
    """Blocks that `n_days` are cut into: even, MOST_BLOCKS at most, of two days at least; below 4 too few."""
    return min(MOST_BLOCKS, n_days // 4 * 2)


def probability_of_overfitting(daily: FloatArray) -> float | None:
    """Share of splits in which the best in one half is no better than the median of the other half.

    daily : (n_days, n_configurations) PnL or returns of the same days. All ways of taking half of the
    blocks are tried; "best" is by Sharpe ratio. At 0.5 choosing by the past is no better than chance. None
    with fewer than two configurations or eight days. Source: combinatorially symmetric cross-validation,
    Bailey, Borwein, Lopez de Prado, Zhu 2015.
    """
    n_days, n = daily.shape
    n_blocks = blocks_of(n_days)
    if n < 2 or n_blocks < 4:
        return None
    length = n_days // n_blocks
    blocks = daily[n_days - n_blocks * length :].reshape(n_blocks, length, n)
    sums, squares = blocks.sum(axis=1), (blocks**2).sum(axis=1)
    chosen = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    halves = np.zeros((len(chosen), n_blocks))
    halves[np.arange(len(chosen))[:, None], chosen] = 1.0
    inside, outside = (
        _sharpe(half @ sums, half @ squares, n_blocks // 2 * length) for half in (halves, 1 - halves)
    )
    best = inside.argmax(axis=1)
    reached = outside[np.arange(len(best)), best][:, None]
    rank = (outside < reached).sum(axis=1) + ((outside == reached).sum(axis=1) + 1) / 2  # ties share theirs
    return float(np.mean(rank / (n + 1) <= 0.5))


def _sharpe(total: FloatArray, squares: FloatArray, n: int) -> FloatArray:
    """Mean over deviation, -inf where nothing varies."""
    variance = squares - total**2 / n
    flat = variance <= 1e-12 * np.maximum(squares, 1e-300)
    return np.where(flat, -np.inf, total / np.sqrt(np.where(flat, 1.0, variance)))
