"""The exact filter over the simulated market's hidden regimes: the best that can be believed of them.

The filter is given what no model has: the true parameters, the true volatility of every minute and what
happened in minutes that are missing from the candles. It looks at the past alone, so what it reaches is an
upper bound for every model that does too. Beyond the return, candles say of the regime what `likelihoods`
say, and nothing where a market has none.

Joint regime j of S symbols that have K regimes each has symbol k in regime (j // K**k) % K.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tapeline.market.ceiling import FloatArray, Regimes


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


def filter_windows(
    scaled_returns: FloatArray,
    regimes: Regimes,
    correlation: float,
    ends: NDArray[np.int64],
    length: int,
    likelihoods: FloatArray | None = None,
    opening: FloatArray | None = None,
) -> FloatArray:
    """The same of what the `length` minutes up to and with each of `ends` (m,) showed, shape (m, S, K).

    Before a window's first minute every regime is as likely as in the long run; what lies before the market's
    first is not waited for.

    opening : likelihoods (n, S, K) of a minute whose predecessor is not seen, for a window's first
    """
    n_regimes, n_symbols = len(regimes.steps), scaled_returns.shape[1]
    if likelihoods is None:
        likelihoods = np.ones((1, n_symbols, n_regimes))
    opening = likelihoods if opening is None else opening
    return _filter_windows(
        scaled_returns, regimes.moves, regimes.drifts, correlation, likelihoods, opening, ends, length
    )


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
    halves = _half_squares(joint, correlation)
    belief = np.full(joint.shape[0], 1.0 / joint.shape[0])
    marginals = np.zeros((n_minutes, n_symbols, n_regimes))
    for i in range(n_minutes):
        for k in range(n_symbols):
            _move(belief, n_regimes**k, moves, likelihoods[i % likelihoods.shape[0], k])
        _weigh(belief, joint, halves, _whiten(scaled_returns[i], correlation))
        _add_marginals(belief, marginals[i])
    return marginals


@njit(cache=True)
def _filter_windows(
    scaled_returns: FloatArray,
    moves: FloatArray,
    drifts: FloatArray,
    correlation: float,
    likelihoods: FloatArray,
    opening: FloatArray,
    ends: NDArray[np.int64],
    length: int,
) -> FloatArray:
    n_symbols, n_regimes = scaled_returns.shape[1], drifts.shape[0]
    joint = _joint_drifts(n_symbols, drifts)
    halves = _half_squares(joint, correlation)
    belief = np.empty(joint.shape[0])
    marginals = np.zeros((ends.shape[0], n_symbols, n_regimes))
    for row in range(ends.shape[0]):
        first = max(0, ends[row] + 1 - length)
        belief[:] = 1.0 / joint.shape[0]
        for i in range(first, ends[row] + 1):
            shown = opening if i == first else likelihoods
            for k in range(n_symbols):
                _move(belief, n_regimes**k, moves, shown[i % shown.shape[0], k])
            _weigh(belief, joint, halves, _whiten(scaled_returns[i], correlation))
        _add_marginals(belief, marginals[row])
    return marginals


@njit(cache=True)
def _half_squares(joint: FloatArray, correlation: float) -> FloatArray:
    """What a joint drift d takes from its Gaussian log likelihood (C^-1 x) d - d (C^-1 d) / 2, (K**S,)."""
    return np.array([0.5 * np.sum(d * _whiten(d, correlation)) for d in joint])


@njit(cache=True)
def _add_marginals(belief: FloatArray, marginals: FloatArray) -> None:
    """Add each symbol's chances of its regimes in `belief` (K**S,) to `marginals` (S, K), in place."""
    n_symbols, n_regimes = marginals.shape
    for j in range(belief.shape[0]):
        for k in range(n_symbols):
            marginals[k, (j // n_regimes**k) % n_regimes] += belief[j]


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
        fit = 0.0
        for k in range(whitened.shape[0]):
            fit += drifts[j, k] * whitened[k]
        fits[j] = fit - halves[j]
    best = np.max(fits)
    for j in range(belief.shape[0]):
        belief[j] *= math.exp(fits[j] - best)
    belief /= np.sum(belief)
