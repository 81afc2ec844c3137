"""The best that can be known of where the simulated market's price goes, given beliefs about its regime."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

FloatArray = NDArray[np.float64]


class Regimes(NamedTuple):
    """Hidden regimes of one symbol, each as likely as the others in the long run."""

    moves: FloatArray  # (K, K) P(regime of a minute | regime of the minute before); a row for each before
    steps: NDArray[np.int64]  # (K,) drift of a minute, in `unit`
    unit: float  # in one-minute sigmas; 0: nothing to find

    @property
    def drifts(self) -> FloatArray:
        """Mean return of a minute of each regime, in one-minute sigmas, shape (K,)."""
        drifts: FloatArray = self.unit * self.steps.astype(np.float64)
        return drifts


def trend_regimes(signal: float, minutes: float) -> Regimes:
    """Down, flat and up, each left after `minutes` on average for one of the other two alike."""
    moves = np.full((3, 3), 0.5 / minutes)
    np.fill_diagonal(moves, 1 - 1 / minutes)
    return Regimes(moves, np.array([-1, 0, 1]), signal)


def up_probability(regimes: Regimes, horizon: int) -> FloatArray:
    """P(price is higher `horizon` minutes from now | regime of the minute just closed), shape (K,).

    Exact for volatility that stays constant over the horizon. Regimes come in mirrored pairs, or are flat: a
    flat one gives 1/2 and a pair mirrors each other whatever the volatility does.
    """
    n_regimes, reach = len(regimes.steps), horizon * int(np.abs(regimes.steps).max())
    chances = np.zeros(
        (n_regimes, n_regimes, 2 * reach + 1)
    )  # regime now, regime later, sum of steps + reach
    chances[np.arange(n_regimes), np.arange(n_regimes), reach] = 1.0
    for _ in range(horizon):
        # The regime moves first: the return of the next minute is made by the regime it moved to.
        chances = np.einsum("nbx,bl->nlx", chances, regimes.moves)
        for regime, step in enumerate(regimes.steps):
            chances[:, regime] = np.roll(chances[:, regime], step, axis=-1)
    net = np.arange(-reach, reach + 1)
    lean = 0.5 * erf(regimes.unit * net / math.sqrt(2 * horizon))  # normal CDF less 1/2, exactly 0 unmoved
    probability: FloatArray = 0.5 + (chances.sum(axis=1) * lean).sum(axis=-1)
    return probability


def ceiling_probability(beliefs: FloatArray, regimes: Regimes, horizon: int) -> FloatArray:
    """P(price is higher `horizon` minutes after minute i) of `beliefs` (n, S, K), shape (n, S)."""
    lean = up_probability(regimes, horizon) - 0.5
    probability: FloatArray = np.full(beliefs.shape[:2], 0.5)
    for regime, each in enumerate(lean):
        probability += beliefs[..., regime] * each
    return probability
