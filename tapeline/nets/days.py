"""Estimates whose chance is that of UTC days: rows of one day, of all symbols, say much the same."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]
LEVEL = 0.95  # of every interval over validation days


@dataclass(frozen=True)
class Estimate:
    """A value, and its standard error over `days`; None where a single day tells nothing of chance.

    The interval is Student's t with a degree of freedom less than there are days.
    """

    value: float
    error: float | None
    days: int

    @property
    def ends(self) -> tuple[float | None, float | None]:
        """Low and high end of the interval; None where nothing is known of chance."""
        if self.error is None:
            return None, None
        reach = self.error * float(stdtrit(self.days - 1, (1 + LEVEL) / 2))
        return self.value - reach, self.value + reach

    def nearest(self, to: float) -> float:
        """The point of the interval that is nearest to `to`: how far the days compel to leave it."""
        low, high = self.ends
        return to if low is None or high is None else min(max(to, low), high)


def estimate(value: float, without: FloatArray) -> Estimate:
    """Estimate `value`, which is `without` (G,) when each of G days is left out.

    The error is the jackknife's over clusters, CV3 around the estimate: with few of them sandwich errors are
    too small (MacKinnon, Nielsen, Webb 2023, Journal of Econometrics 232).
    """
    n = len(without)
    error = float(np.sqrt((n - 1) / n * np.sum((without - value) ** 2))) if n > 1 else None
    return Estimate(value, error if error is not None and np.isfinite(error) else None, n)


def mean_over_days(values: FloatArray, day: NDArray[np.int64]) -> Estimate:
    """Mean of `values` (n,), n >= 1, of rows on UTC `day` (n,)."""
    number = np.unique(day, return_inverse=True)[1]
    sums, rows = np.bincount(number, weights=values), np.bincount(number)
    if len(rows) == 1:
        return estimate(float(values.mean()), np.zeros(1))
    return estimate(float(values.mean()), (sums.sum() - sums) / (rows.sum() - rows))
