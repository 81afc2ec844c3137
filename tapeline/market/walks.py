"""The simulated market's compiled walks: from draws to regimes, volatility and prices."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from tapeline.market.ceiling import FloatArray

MINUTES_PER_DAY = 1440
PATH_STEPS = 12  # intrabar price moves
PRICE_DIGITS = 7  # significant digits of a price: a tick of at most 0.01 bps whatever the price has become


@njit(cache=True)
def walk_regimes(draws: FloatArray, regime_minutes: float) -> NDArray[np.int8]:
    """Regime of every minute from uniform `draws` (n,): stay, or go to one of the other two alike."""
    regimes = np.empty(draws.shape[0], np.int8)
    regime = int(3 * draws[0])
    regimes[0] = regime
    for i in range(1, draws.shape[0]):
        if draws[i] < 0.5 / regime_minutes:
            regime = (regime + 1) % 3
        elif draws[i] < 1.0 / regime_minutes:
            regime = (regime + 2) % 3
        regimes[i] = regime
    return regimes


@njit(cache=True)
def walk_volatility(draws: FloatArray) -> FloatArray:
    """Stationary AR(1) of unit variance that forgets over a day, from normal `draws` (n,)."""
    persistence = math.exp(-1.0 / MINUTES_PER_DAY)
    out = draws.copy()
    for i in range(1, draws.shape[0]):
        out[i] = persistence * out[i - 1] + math.sqrt(1.0 - persistence**2) * draws[i]
    return out


@njit(cache=True)
def walk_prices(
    stream: np.random.Generator,
    scaled_returns: FloatArray,
    sigmas: FloatArray,
    shares: FloatArray,
    start_price: float,
) -> FloatArray:
    """Open, high, low, close of every minute, shape (n, 4): Gaussian steps that sum to its return.

    shares : (n,) of both shadows that lies above the body, NaN: as the steps made it
    """
    prices = np.empty((scaled_returns.shape[0], 4))
    steps = np.empty(PATH_STEPS)
    log_price = 0.0
    for i in range(scaled_returns.shape[0]):
        for step in range(PATH_STEPS):
            steps[step] = stream.standard_normal() / math.sqrt(PATH_STEPS)
        # Steps shifted to the given sum are steps given that sum: the path knows no more than the return.
        shift = (scaled_returns[i] - np.sum(steps)) / PATH_STEPS
        close = sigmas[i] * scaled_returns[i]
        path, highest, lowest = 0.0, max(0.0, close), min(0.0, close)
        for step in range(PATH_STEPS - 1):
            path += sigmas[i] * (steps[step] + shift)
            highest, lowest = max(highest, path), min(lowest, path)
        if not math.isnan(shares[i]):
            above, below = max(0.0, close), min(0.0, close)
            shadows = highest - above + below - lowest
            highest, lowest = above + shares[i] * shadows, below - (1.0 - shares[i]) * shadows
        for column, move in enumerate((0.0, highest, lowest, close)):
            prices[i, column] = _round_price(start_price * math.exp(log_price + move))
        log_price += close
    return prices


@njit(cache=True)
def _round_price(price: float) -> float:
    """Round to PRICE_DIGITS significant digits; keeps order, so low <= open, close <= high holds."""
    decimals = PRICE_DIGITS - 1 - math.floor(math.log10(price))
    if decimals >= 0:
        scale = 10.0**decimals
        finer: float = np.rint(price * scale) / scale
        return finer
    scale = 10.0**-decimals
    coarser: float = np.rint(price / scale) * scale
    return coarser
