"""Intervals that respect time: overlapping labels and correlated symbols are no independent rows."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


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
        self._n_bars, self._level = n_bars, level
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
        sums, counts = self._resample(values * weights), self._resample(weights)
        means = sums[counts > 0] / counts[counts > 0]
        tail = (1 - (self._level if level is None else level)) / 2
        low, high = np.quantile(means, [tail, 1 - tail])
        return float(low), float(high)

    def interval_of_difference(
        self, values: FloatArray, others: FloatArray, level: float | None = None
    ) -> tuple[float, float]:
        """Interval of mean(values) - mean(others), paired row by row, shape (n,) each."""
        return self.interval_of_mean(values - others, level=level)

    def _resample(self, values: FloatArray) -> FloatArray:
        by_bar = np.bincount(self._position, weights=values, minlength=self._n_bars)
        # Running totals over two rounds of the clock: a block's sum is one difference, wrapped or not.
        totals = np.concatenate([[0.0], np.cumsum(np.concatenate([by_bar, by_bar]))])
        return (totals[self._ends] - totals[self._starts]).sum(axis=1)
