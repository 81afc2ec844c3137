"""Intervals of means of rows that depend on each other: the unit is a candle's time, or a day, never a row.

What rows of one time are off the mean is added up, whatever their symbol. How far the mean may be off by
chance is seen in the slow waves of these sums: six cosines over the clock, the slowest half a wave long, and
Student's t with as many degrees of freedom (Lazarus, Lewis, Stock, Watson 2018). Rows that were independent
would give each of them the same; rows that go together give the slow ones more.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from tapeline.referee.candles import FloatArray

Ends = tuple[float | None, float | None]
WAVES = 6
ROUNDING = 1e-12  # of the mean, below which a deviation is none
ENDS = "low", "high"


class Times:
    """The times that rows stand at, from which intervals of their means follow; others don't count."""

    def __init__(self, time: NDArray[np.int64], level: float) -> None:
        """Take times (n,), n >= 1, in any order; `level` is the intervals'."""
        _, self._position = np.unique(time, return_inverse=True)
        n_times = int(self._position.max()) + 1
        self._freedom, self._level = min(WAVES, n_times - 1), level
        angle = np.pi * (np.arange(n_times) + 0.5) / n_times
        self._waves = math.sqrt(2) * np.cos(np.arange(1, self._freedom + 1)[:, None] * angle)

    def interval(self, values: FloatArray) -> Ends:
        """Of the mean of `values` (n,); None where a single time, or equal values, tell nothing of chance."""
        mean, error, _ = self._estimate(values)
        if error is None:
            return None, None
        t = float(stdtrit(self._freedom, (1 + self._level) / 2))
        return mean - error * t, mean + error * t

    def skewed_interval(self, values: FloatArray) -> Ends:
        """Likewise with the skewness of the sums taken out of the statistic (Hall 1992).

        A statistic x of skewed sums is as likely as x + s x^2 / 3 + s^2 x^3 / 27 + s / 6 of symmetric ones,
        where s is their skewness over the root of their number.
        """
        mean, error, sums = self._estimate(values)
        if error is None:
            return None, None
        t = float(stdtrit(self._freedom, (1 + self._level) / 2))
        off = sums - sums.mean()
        spread = float(np.mean(off**2)) ** 1.5
        skew = float(np.mean(off**3)) / spread / math.sqrt(sums.size) if sums.size > 2 and spread else 0.0
        low, high = (_statistic(end, skew) for end in (t, -t))
        return mean - error * low, mean - error * high

    def _estimate(self, values: FloatArray) -> tuple[float, float | None, FloatArray]:
        """The mean, its standard error, and how far off it the rows of each time are together."""
        mean = float(values.sum() / values.size)
        sums = np.bincount(self._position, weights=values - mean).astype(np.float64)
        if not self._freedom:
            return mean, None, sums
        error = math.sqrt(float(np.mean((self._waves @ sums) ** 2))) / values.size
        return mean, error if error > ROUNDING * abs(mean) else None, sums


def _statistic(symmetric: float, skew: float) -> float:
    """The statistic of skewed sums that is as likely as a `symmetric` one: (1 + s x / 3)^3 completed."""
    if abs(skew) <= ROUNDING:
        return symmetric
    return 3 * (float(np.cbrt(1 + skew * (symmetric - skew / 6))) - 1) / skew
