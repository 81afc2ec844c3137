"""The best that any model can know of the simulated market: an exact filter over its hidden regimes.

The filter is given what no model has: the true parameters, the true volatility of every minute and the
returns of minutes that are missing from the candles. It looks at the past alone, so what it reaches is an
upper bound for every model that does too. Open, high, low and volume say nothing of the regime that the
return has not said, hence returns and volatility are all it needs.

Regimes are 0 down, 1 flat, 2 up; joint regime j of S symbols has symbol k in regime (j // 3**k) % 3.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import erf

FloatArray = NDArray[np.float64]


def up_probability(signal: float, regime_minutes: float, horizon: int) -> FloatArray:
    """P(price is higher `horizon` minutes from now | regime of the minute just closed), shape (3,).

    Exact for volatility that stays constant over the horizon. The chain is symmetric, so the flat regime
    gives 1/2 and the other two mirror each other whatever the volatility does: on which side of 1/2 the
    probability lies, and so the accuracy of the best rule, does not hang on that assumption.
    """
    stay, move = 1 - 1 / regime_minutes, 0.5 / regime_minutes
    chances = np.zeros((3, 3, 2 * horizon + 1))  # regime now, regime later, up minus down minutes + horizon
    chances[np.arange(3), np.arange(3), horizon] = 1.0
    for _ in range(horizon):
        # The regime moves first: the return of the next minute is made by the regime it moved to.
        moved = stay * chances + move * (chances.sum(axis=1, keepdims=True) - chances)
        for regime in range(3):
            chances[:, regime] = np.roll(moved[:, regime], regime - 1, axis=-1)
    net = np.arange(-horizon, horizon + 1)
    lean = 0.5 * erf(signal * net / math.sqrt(2 * horizon))  # normal CDF less 1/2, exactly 0 without signal
    probability: FloatArray = 0.5 + (chances.sum(axis=1) * lean).sum(axis=-1)
    return probability


def ceiling_probability(
    scaled_returns: FloatArray, signal: float, regime_minutes: float, correlation: float, horizon: int
) -> FloatArray:
    """P(price is higher `horizon` minutes after minute i | returns of all symbols up to i), shape (n, S).

    `scaled_returns` (n, S) are log returns over the minute's true volatility.
    """
    beliefs = filter_regimes(scaled_returns, signal, regime_minutes, correlation)
    lean = up_probability(signal, regime_minutes, horizon) - 0.5
    probability: FloatArray = (
        0.5 + beliefs[..., 0] * lean[0] + beliefs[..., 1] * lean[1] + beliefs[..., 2] * lean[2]
    )
    return probability


@njit(cache=True)
def filter_regimes(
    scaled_returns: FloatArray, signal: float, regime_minutes: float, correlation: float
) -> FloatArray:
    """P(regime of symbol k in minute i | returns of all symbols up to and with i), shape (n, S, 3).

    The joint forward filter over 3**S regimes: noise is correlated, so one symbol's return informs on
    another's regime. `scaled_returns` (n, S) are log returns over the minute's true volatility.
    """
    n_minutes, n_symbols = scaled_returns.shape
    drifts = _joint_drifts(n_symbols, signal)
    # Gaussian log likelihood of a joint drift d, less what all share: (C^-1 x) d - d (C^-1 d) / 2
    halves = np.array([0.5 * np.sum(d * _whiten(d, correlation)) for d in drifts])
    belief = np.full(drifts.shape[0], 1.0 / drifts.shape[0])
    marginals = np.zeros((n_minutes, n_symbols, 3))
    for i in range(n_minutes):
        for k in range(n_symbols):
            _move(belief, 3**k, 1.0 / regime_minutes)
        _weigh(belief, drifts, halves, _whiten(scaled_returns[i], correlation))
        for j in range(belief.shape[0]):
            for k in range(n_symbols):
                marginals[i, k, (j // 3**k) % 3] += belief[j]
    return marginals


@njit(cache=True)
def _joint_drifts(n_symbols: int, signal: float) -> FloatArray:
    """Drift of every symbol in every joint regime, in one-minute sigmas, shape (3**S, S)."""
    drifts = np.empty((3**n_symbols, n_symbols))
    for j in range(drifts.shape[0]):
        for k in range(n_symbols):
            drifts[j, k] = signal * ((j // 3**k) % 3 - 1)
    return drifts


@njit(cache=True)
def _whiten(vector: FloatArray, correlation: float) -> FloatArray:
    """Inverse of the equicorrelation matrix times `vector`, shape (S,)."""
    shared = correlation * np.sum(vector) / (1.0 + (vector.shape[0] - 1) * correlation)
    whitened: FloatArray = (vector - shared) / (1.0 - correlation)
    return whitened


@njit(cache=True)
def _move(belief: FloatArray, stride: int, leave: float) -> None:
    """Carry `belief` (3**S,) over one transition of the symbol whose regimes lie `stride` apart, in place."""
    for j in range(belief.shape[0]):
        if (j // stride) % 3 == 0:
            down, flat, up = belief[j], belief[j + stride], belief[j + 2 * stride]
            belief[j] = (1.0 - leave) * down + 0.5 * leave * (flat + up)
            belief[j + stride] = (1.0 - leave) * flat + 0.5 * leave * (up + down)
            belief[j + 2 * stride] = (1.0 - leave) * up + 0.5 * leave * (down + flat)


@njit(cache=True)
def _weigh(belief: FloatArray, drifts: FloatArray, halves: FloatArray, whitened: FloatArray) -> None:
    """Weigh `belief` (3**S,) with the likelihood of one minute's returns, to sum one, in place."""
    fits = np.empty(belief.shape[0])
    for j in range(belief.shape[0]):
        fits[j] = np.sum(drifts[j] * whitened) - halves[j]
    best = np.max(fits)
    for j in range(belief.shape[0]):
        belief[j] *= math.exp(fits[j] - best)
    belief /= np.sum(belief)
