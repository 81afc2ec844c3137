"""The best that any model can know of the simulated market: an exact filter over its hidden regimes.

The filter is given what no model has: the true parameters, the true volatility of every minute and what
happened in minutes that are missing from the candles. It looks at the past alone, so what it reaches is an
upper bound for every model that does too. Beyond the return, candles say of the regime what `likelihoods`
say, and nothing where a market has none.

Joint regime j of S symbols that have K regimes each has symbol k in regime (j // K**k) % K.
"""

import math
from typing import NamedTuple

import numpy as np
from numba import njit
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


def filter_regimes(
    scaled_returns: FloatArray, regimes: Regimes, correlation: float, likelihoods: FloatArray | None = None
) -> FloatArray:
    """P(regime of symbol k in minute i | all that all symbols showed up to and with i), shape (n, S, K).

    The joint forward filter over K**S regimes: noise is correlated, so one symbol's return informs on
    another's regime.

    scaled_returns : (n, S) log returns over the minute's true volatility
    likelihoods : (n, S, K) of what else the minute shows of each symbol, by its regime, to a factor
    """
    n_regimes, n_symbols = len(regimes.steps), scaled_returns.shape[1]
    if likelihoods is None:
        likelihoods = np.ones((1, n_symbols, n_regimes))
    return _filter(scaled_returns, regimes.moves, regimes.drifts, correlation, likelihoods)


@njit(cache=True)
def _filter(
    scaled_returns: FloatArray,
    moves: FloatArray,
    drifts: FloatArray,
    correlation: float,
    likelihoods: FloatArray,
) -> FloatArray:
    n_minutes, n_symbols = scaled_returns.shape
    n_regimes = drifts.shape[0]
    joint = _joint_drifts(n_symbols, drifts)
    # Gaussian log likelihood of a joint drift d, less what all share: (C^-1 x) d - d (C^-1 d) / 2
    halves = np.array([0.5 * np.sum(d * _whiten(d, correlation)) for d in joint])
    belief = np.full(joint.shape[0], 1.0 / joint.shape[0])
    marginals = np.zeros((n_minutes, n_symbols, n_regimes))
    for i in range(n_minutes):
        for k in range(n_symbols):
            _move(belief, n_regimes**k, moves, likelihoods[i % likelihoods.shape[0], k])
        _weigh(belief, joint, halves, _whiten(scaled_returns[i], correlation))
        for j in range(belief.shape[0]):
            for k in range(n_symbols):
                marginals[i, k, (j // n_regimes**k) % n_regimes] += belief[j]
    return marginals


@njit(cache=True)
def _joint_drifts(n_symbols: int, drifts: FloatArray) -> FloatArray:
    """Drift of every symbol in every joint regime, in one-minute sigmas, shape (K**S, S)."""
    n_regimes = drifts.shape[0]
    joint = np.empty((n_regimes**n_symbols, n_symbols))
    for j in range(joint.shape[0]):
        for k in range(n_symbols):
            joint[j, k] = drifts[(j // n_regimes**k) % n_regimes]
    return joint


@njit(cache=True)
def _whiten(vector: FloatArray, correlation: float) -> FloatArray:
    """Inverse of the equicorrelation matrix times `vector`, shape (S,)."""
    shared = correlation * np.sum(vector) / (1.0 + (vector.shape[0] - 1) * correlation)
    whitened: FloatArray = (vector - shared) / (1.0 - correlation)
    return whitened


@njit(cache=True)
def _move(belief: FloatArray, stride: int, moves: FloatArray, likelihood: FloatArray) -> None:
    """Carry `belief` (K**S,) over a transition of the symbol whose regimes lie `stride` apart, in place.

    Then weigh it by the `likelihood` (K,) of what the symbol shows.
    """
    n_regimes = moves.shape[0]
    before = np.empty(n_regimes)
    for j in range(belief.shape[0]):
        if (j // stride) % n_regimes == 0:
            for regime in range(n_regimes):
                before[regime] = belief[j + regime * stride]
            for regime in range(n_regimes):
                after = 0.0
                for each in range(n_regimes):
                    after += before[each] * moves[each, regime]
                belief[j + regime * stride] = after * likelihood[regime]


@njit(cache=True)
def _weigh(belief: FloatArray, drifts: FloatArray, halves: FloatArray, whitened: FloatArray) -> None:
    """Weigh `belief` (K**S,) with the likelihood of one minute's returns, to sum one, in place."""
    fits = np.empty(belief.shape[0])
    for j in range(belief.shape[0]):
        fits[j] = np.sum(drifts[j] * whitened) - halves[j]
    best = np.max(fits)
    for j in range(belief.shape[0]):
        belief[j] *= math.exp(fits[j] - best)
    belief /= np.sum(belief)
