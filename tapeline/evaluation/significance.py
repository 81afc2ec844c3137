"""Intervals and tests that respect time: overlapping labels, correlated symbols are no independent rows."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
MIN_CLUSTERS = 5


class BlockBootstrap:
    """Circular moving-block bootstrap over the clock (Politis, Romano 1992), for means of rows.

    All rows of one bar, whatever their symbol, are drawn together, and `block` bars in a row make a
    block, so dependence inside a block survives. Bars without a row are squeezed out; every resample has
    as many bars as there are, its last block cut to fit. Blocks are at most a tenth of the bars, since a
    few blocks can't show how much their means differ. The draw is made once: intervals are joint.
    """

    def __init__(self, bar: NDArray[np.int64], block: int, resamples: int, level: float, seed: int) -> None:
        """Draw blocks for rows at clock positions `bar`, shape (n,), in any order; `level` is intervals'."""
        _, self._position = np.unique(bar, return_inverse=True)
        n_bars = int(self._position.max()) + 1
        block = max(1, min(block, n_bars // 10))
        self._n_bars, self.level = n_bars, level
        n_blocks = -(-n_bars // block)
        rng = np.random.default_rng(seed)
        self._starts = rng.integers(0, n_bars, size=(resamples, n_blocks))
        lengths = np.full(n_blocks, block)
        lengths[-1] = n_bars - block * (n_blocks - 1)
        self._ends = self._starts + lengths

    def interval_of_mean(
        self, values: FloatArray, where: NDArray[np.bool_] | None = None, level: float | None = None
    ) -> tuple[float, float]:
        """Percentile interval of the mean of `values`, shape (n,), over the rows `where` is true."""
        weights = np.ones(values.shape[0]) if where is None else where.astype(np.float64)
        sums, counts = self.sums(values * weights), self.sums(weights)
        return self.quantiles(sums[counts > 0] / counts[counts > 0], level)

    def quantiles(self, figures: FloatArray, level: float | None = None) -> tuple[float, float]:
        """Percentile interval of a figure from its value in each resample."""
        tail = (1 - (self.level if level is None else level)) / 2
        low, high = np.quantile(figures, [tail, 1 - tail])
        return float(low), float(high)

    def test_of_mean(
        self, values: FloatArray, null: float, where: NDArray[np.bool_] | None = None
    ) -> tuple[float, float]:
        """Standard error of the mean of `values` over the rows `where` is true, and the p-value of `null`.

        Two-sided: how often a resampled mean lies as far from the mean as that lies from `null`, counting
        the sample itself, so that it is never 0 (Davison, Hinkley 1997, 4.2).
        """
        weights = np.ones(values.shape[0]) if where is None else where.astype(np.float64)
        sums, counts = self.sums(values * weights), self.sums(weights)
        mean = values @ weights / weights.sum()
        off = np.abs(sums[counts > 0] / counts[counts > 0] - mean)
        p_value = (1 + np.sum(off >= abs(mean - null))) / (1 + off.size)
        return float(np.sqrt(np.mean(off**2))), float(p_value)

    def interval_of_difference(
        self, values: FloatArray, others: FloatArray, level: float | None = None
    ) -> tuple[float, float]:
        """Interval of mean(values) - mean(others), paired row by row, shape (n,) each."""
        return self.interval_of_mean(values - others, level=level)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of `values`, shape (n,), over each resample's rows; shape (resamples,)."""
        by_bar = np.bincount(self._position, weights=values, minlength=self._n_bars)
        # Running totals over two rounds of the clock: a block's sum is one difference, wrapped or not.
        totals = np.concatenate([[0.0], np.cumsum(np.concatenate([by_bar, by_bar]))])
        return (totals[self._ends] - totals[self._starts]).sum(axis=1)


def wilson_interval(share: float, n: float, level: float) -> tuple[float, float]:
    """Interval of a `share` seen in `n` independent rows, which may be an effective number. Wilson 1927."""
    z = stats.norm.ppf((1 + level) / 2)
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return float(middle - half), float(middle + half)


def adjust_for_many(p_values: list[float]) -> list[float]:
    """Adjust p-values for having looked at all of them, however they depend on each other.

    Source: Benjamini, Yekutieli 2001; those below x are a selection of which a share of x is expected false.
    """
    return stats.false_discovery_control(p_values, method="by").tolist() if p_values else []


def diebold_mariano(
    loss: FloatArray, other: FloatArray, bar: NDArray[np.int64], lags: int
) -> tuple[float | None, float | None]:
    """Statistic and two-sided p-value of equal mean losses on the same rows, shape (n,) each.

    Positive where `other` loses more. Rows of one `bar` are added up before the long-run variance is taken
    over bars, with Bartlett weights up to `lags` (Newey, West 1987), at most a tenth of the bars. None where
    the losses never differ. Source: Diebold, Mariano 1995.
    """
    _, position = np.unique(bar, return_inverse=True)
    difference = other - loss
    mean = difference.mean()
    off = np.bincount(position, weights=difference - mean)
    variance = off @ off
    for lag in range(1, min(lags, len(off) // 10) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * (off[lag:] @ off[:-lag])
    if not variance > 0:
        return None, None
    statistic = float(mean * len(loss) / np.sqrt(variance))
    return statistic, float(2 * stats.norm.sf(abs(statistic)))


def clustered_interval(
    values: FloatArray, cluster: NDArray[np.int64], level: float
) -> tuple[float | None, float | None]:
    """Interval of the mean of `values`, shape (n,), whose rows depend on each other within a `cluster`.

    Sums of a cluster's deviations are taken as independent (Liang, Zeger 1986), with Student's t of as many
    degrees as there are clusters less one. None with fewer than `MIN_CLUSTERS`, which can't show how much
    they differ.
    """
    _, position = np.unique(cluster, return_inverse=True)
    sums = np.bincount(position, weights=values - values.mean())
    if sums.size < MIN_CLUSTERS:
        return None, None
    error = np.sqrt(sums.size / (sums.size - 1) * (sums @ sums)) / len(values)
    half = float(stats.t.ppf((1 + level) / 2, sums.size - 1) * error)
    return float(values.mean()) - half, float(values.mean()) + half
