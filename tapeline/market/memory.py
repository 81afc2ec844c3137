"""A market whose trend only a memory finds: it is the product of a side and of whether the side is followed.

Two hidden chains of two states each. The side shows, blurred, in every candle: in how its shadows are shared
between above and below the body. Whether the market follows the side or fades it shows in no candle, only in
how volume follows volume: a loud minute comes after a loud one where the side is followed, after a quiet one
where it is faded. What a rule reads from the last candle, from means and from sums says little of that.

Regime 2 a + b is a 0 faded, 1 followed; b 0 the side is down, 1 up. Constants were chosen by a search, whose
table is in benchmarks/README.md.
"""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from tapeline.market.ceiling import FloatArray, Regimes

STAY_RATIO = 4  # of the mean stay in followed or faded to that on a side
TILT = 3  # tenths by which a followed trend is stronger, and a faded one weaker, than `signal`
IMPRINT = 1.0  # mean of a candle's balance on a side, in its standard deviations there
PERSISTENCE = 0.93  # correlation of the volume's noise with that of the minute before; negative where faded
FOLLOWED = np.array([-1.0, -1.0, 1.0, 1.0])  # by regime
SIDE = np.array([-1.0, 1.0, -1.0, 1.0])


def memory_regimes(signal: float, minutes: float) -> Regimes:
    """The four, of sides left after `minutes` on average; a trend of `signal`, tilted, in sigmas a minute."""
    sides, follows = (
        np.array([[1 - 1 / stay, 1 / stay], [1 / stay, 1 - 1 / stay]])
        for stay in (minutes, STAY_RATIO * minutes)
    )
    steps = FOLLOWED * SIDE * (10 + TILT * FOLLOWED)
    return Regimes(np.kron(follows, sides), steps.astype(np.int64), signal / 10)


def walk_memory(sides: FloatArray, follows: FloatArray, minutes: float) -> NDArray[np.int8]:
    """Regime of every minute from uniform draws (n,) for each chain: stay, or go to the other state."""
    chains = [
        (int(2 * draws[0]) + np.cumsum(np.r_[False, draws[1:] < 1 / stay])) % 2
        for draws, stay in ((follows, STAY_RATIO * minutes), (sides, minutes))
    ]
    regimes: NDArray[np.int8] = (2 * chains[0] + chains[1]).astype(np.int8)
    return regimes


def side_balances(draws: FloatArray, regimes: NDArray[np.int8]) -> FloatArray:
    """A candle's balance between its shadows from normal `draws` (n,): the side, blurred."""
    return IMPRINT * SIDE[regimes] + draws


def upper_share(balances: FloatArray) -> FloatArray:
    """Share of a candle's shadows that lies above its body, 0..1: the balance's normal quantile."""
    share: FloatArray = ndtr(balances)
    return share


def walk_volume(draws: FloatArray, regimes: NDArray[np.int8]) -> FloatArray:
    """Noise of log volume from normal `draws` (n,), of unit variance whatever the regimes were."""
    noise: FloatArray = _walk_noise(draws, PERSISTENCE * FOLLOWED[regimes])
    return noise


@njit(cache=True)
def _walk_noise(draws: FloatArray, persistence: FloatArray) -> FloatArray:
    """AR(1) of unit variance whose coefficient is that of each minute, (n,)."""
    out = draws.copy()
    for i in range(1, draws.shape[0]):
        out[i] = persistence[i] * out[i - 1] + math.sqrt(1.0 - persistence[i] ** 2) * draws[i]
    return out


def side_likelihoods(balances: FloatArray) -> FloatArray:
    """Of every balance by regime, shape (n, S, 4), to a factor."""
    likelihoods: FloatArray = expit(2 * IMPRINT * SIDE * balances[..., None])
    return likelihoods


def order_likelihoods(volume_noise: FloatArray) -> FloatArray:
    """Of every minute's noise given that of the minute before, by regime, shape (n, S, 4), to a factor."""
    noise = volume_noise[..., None]
    surprise = noise[1:] - PERSISTENCE * FOLLOWED * noise[:-1]
    fits = -0.5 * surprise**2 / (1 - PERSISTENCE**2)
    first = np.zeros((1, *fits.shape[1:]))  # nothing goes before it
    fits = np.concatenate([first, fits])
    # A floor, lest a belief that is all but sure of another regime loses all of it.
    likelihoods: FloatArray = np.maximum(np.exp(fits - fits.max(axis=-1, keepdims=True)), 1e-60)
    return likelihoods
