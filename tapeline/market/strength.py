"""The best that can be known of trend strength, the label, given beliefs about the market's regime.

Strength is a non-linear function of the next returns, so what is to be expected of it in a regime has no
closed form: it is counted over paths that are drawn from a fixed seed, the same draws for every regime. A
path takes volatility as constant over the horizon, so that it drops out of a ratio of moves; moves as small
beside the price; and no candle as missing.

Two answers, for two questions. The absolute error is least, on average, for the median of the strength given
all that is known: that of the mixture of the regimes' distributions. Spearman's correlation is greatest for
whatever rises with the expected grade, the share of all candles whose strength is lower: it is a mean product
of two rankings, which is greatest where both are in the same order. Neither the mean nor the median need be.
"""

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from tapeline.market.ceiling import FloatArray, Regimes

PATHS = 250_000  # of each regime; errors of a share and of a grade are 0.001 at most
LEVELS = 8192  # strengths among which a median is looked for, as many paths between each two
SEED = 1907
ROUNDING = 1e-12  # a share this near to one half has reached it


class Strengths(NamedTuple):
    """What strength is to be expected after a minute of each of K regimes."""

    values: FloatArray  # (m,) strengths, rising
    reached: FloatArray  # (m, K) P(strength is at most the value | regime now)
    grades: FloatArray  # (K,) mean share of all candles whose strength is lower, half of those that are equal

    def median(self, beliefs: FloatArray) -> FloatArray:
        """Median of the strength to come of `beliefs` (..., K), shape (...)."""
        low = np.zeros(beliefs.shape[:-1], np.int64)
        high = np.full(beliefs.shape[:-1], len(self.values) - 1)
        while (low < high).any():
            middle = (low + high) // 2
            share = self.reached[middle, 0]
            for regime in range(1, beliefs.shape[-1]):
                # Differences, so that regimes which are alike in all give one number, whatever is believed.
                share = share + beliefs[..., regime] * (
                    self.reached[middle, regime] - self.reached[middle, 0]
                )
            is_reached = share >= 0.5 - ROUNDING
            low, high = (
                np.where(is_reached, low, np.minimum(middle + 1, high)),
                np.where(is_reached, middle, high),
            )
        median: FloatArray = self.values[low]
        return median

    def grade(self, beliefs: FloatArray) -> FloatArray:
        """Expected grade of the strength to come of `beliefs` (..., K), shape (...)."""
        grade: FloatArray = np.full(beliefs.shape[:-1], self.grades[0])
        for regime in range(1, beliefs.shape[-1]):
            grade += beliefs[..., regime] * (self.grades[regime] - self.grades[0])
        return grade


def expect_strengths(regimes: Regimes, horizon: int) -> Strengths:
    """Count the strength of the next `horizon` minutes over paths from each regime."""
    drawn = draw_strengths(regimes, horizon)
    n_regimes, n_paths = drawn.shape
    # Every regime is as likely as the others in the long run, so all paths together are all candles.
    ranks = rankdata(drawn).reshape(drawn.shape)
    grades = (ranks.mean(axis=1) - 0.5) / drawn.size
    drawn.sort(axis=1)
    pool = np.sort(drawn, axis=None)
    at = np.linspace(0, pool.size - 1, min(LEVELS, pool.size)).astype(np.int64)
    values = np.unique(pool[at])
    reached = [np.searchsorted(drawn[regime], values, side="right") / n_paths for regime in range(n_regimes)]
    return Strengths(values, np.stack(reached, axis=1), grades)


def draw_strengths(regimes: Regimes, horizon: int) -> FloatArray:
    """Strengths of PATHS paths that begin after a minute of each regime, shape (K, PATHS)."""
    n_regimes = len(regimes.steps)
    stream = np.random.Generator(np.random.PCG64(SEED))
    regime = np.repeat(np.arange(n_regimes)[:, None], PATHS, axis=1)
    drifts, up_to = regimes.drifts, np.cumsum(regimes.moves, axis=1)
    net, path = np.zeros(regime.shape), np.zeros(regime.shape)
    for _ in range(horizon):
        # The regime moves first: the return of the next minute is made by the regime it moved to.
        chance, noise = stream.random(PATHS), stream.standard_normal(PATHS)
        regime = sum((chance >= up_to[regime, k]).astype(np.int64) for k in range(n_regimes - 1))
        move = drifts[regime] + noise
        net += move
        path += np.abs(move)
    strengths: FloatArray = np.abs(net) / path
    return strengths
