"""Intervals and tests that respect time: overlapping labels, correlated symbols are no independent rows."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.fft import dct

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Ends = tuple[float | None, float | None]  # of an interval

COSINES = 6  # chosen by benchmarks/coverage.py: with 8, 18 days cover a little less than 94 %
ROUNDING = 1e-12  # of the mean; what is left of equal values after rounding is no deviation


class Mean:
    """A mean of rows that depend on each other, with its standard error.

    Rows of one bar are added up, whatever their symbol. The long-run variance of these sums is the mean
    square of their first COSINES cosine transforms, and the mean is Student's t with as many degrees of
    freedom: the equal-weighted cosine estimator (Mueller 2014; Lazarus, Lewis, Stock, Watson 2018). With no
    more than COSINES + 1 bars that is the t interval of the bars. Where bars hold unlike numbers of rows, the
    mean is a ratio of two sums, taken as linear around itself. Skewed bars, as days of money, have their
    skewness taken out of the statistic (Hall 1992).

    mean : of the rows; error : its standard error, None with a single bar or where all rows are equal: such
        rows tell nothing of chance; freedom : degrees of freedom
    """

    def __init__(self, values: FloatArray, bar: NDArray[np.int64], is_skewed: bool = False) -> None:
        """Take `values`, shape (n,), n >= 1, at clock positions `bar` >= 0; empty bars are left out."""
        self.mean = float(values.mean())
        off = np.bincount(bar, weights=values - self.mean)[np.bincount(bar) > 0]
        self.freedom = min(COSINES, len(off) - 1)
        waves = dct(off, type=2, norm="ortho")[1 : self.freedom + 1]
        error = float(np.sqrt(np.mean(waves**2) * len(off)) / len(values)) if self.freedom else 0.0
        self.error = error if error > ROUNDING * abs(self.mean) else None
        self._skew = 0.0  # of the mean
        if is_skewed and self.error is not None and len(off) > 2:
            self._skew = float(stats.skew(off) / np.sqrt(len(off)))

    def interval(self, level: float) -> Ends:
        """Interval of the mean; both ends None where nothing is known of chance."""
        if self.error is None:
            return None, None
        t = float(stats.t.ppf((1 + level) / 2, self.freedom))
        return self.mean - self.error * self._skewed(t), self.mean - self.error * self._skewed(-t)

    def p_value(self, null: float) -> float | None:
        """Two-sided p-value of a mean of `null`; None where nothing is known of chance."""
        if self.error is None:
            return None
        t, skew = (self.mean - null) / self.error, self._skew
        return float(2 * stats.t.sf(abs(t + skew * t**2 / 3 + skew**2 * t**3 / 27 + skew / 6), self.freedom))

    def _skewed(self, t: float) -> float:
        """The statistic that has `t` once its skewness is taken out: the inverse of what `p_value` does."""
        skew = self._skew
        return 3 * (float(np.cbrt(1 + skew * (t - skew / 6))) - 1) / skew if abs(skew) > ROUNDING else t


class Intervals:
    """Intervals of means and of paired differences over rows on one clock: the one place they come from."""

    def __init__(self, bar: NDArray[np.int64], level: float, is_skewed: bool = False) -> None:
        """Take the clock positions `bar`, shape (n,), of rows in any order; `level` is the intervals'.

        is_skewed : bars are few and lopsided, as days of money, and hardly depend on each other
        """
        self._bar, self.level, self._is_skewed = bar - bar.min(), level, is_skewed

    def mean(self, values: FloatArray, where: BoolArray | None = None) -> Mean:
        """Mean of `values`, shape (n,), over the rows `where` is true, at least one."""
        if where is None:
            return Mean(values, self._bar, self._is_skewed)
        return Mean(values[where], self._bar[where], self._is_skewed)

    def interval_of_mean(self, values: FloatArray, where: BoolArray | None = None) -> Ends:
        """Interval of the mean of `values`, shape (n,), over the rows `where` is true."""
        return self.mean(values, where).interval(self.level)

    def interval_of_difference(self, values: FloatArray, others: FloatArray) -> Ends:
        """Interval of mean(values) - mean(others), paired row by row, shape (n,) each."""
        return self.interval_of_mean(values - others)


def share_interval(
    hit: FloatArray, where: BoolArray, intervals: Intervals
) -> tuple[float | None, float | None, float | None]:
    """Interval of the share of rows `where` is true that `hit` (0.0 or 1.0, shape (n,)), even of a few rows.

    Returns the effective rows, independent ones that would be as sure of the share, and Wilson's ends of
    those. Where all hit or none did, rows are taken to be worth as little as those of all together.
    """
    share, rows = intervals.mean(hit, where), float(where.sum())
    whole = intervals.mean(hit) if share.error is None else share
    if whole.error is None:
        return None, None, None
    effective = whole.mean * (1 - whole.mean) / whole.error**2
    effective = min(effective * rows / (len(hit) if share.error is None else rows), rows)
    return effective, *wilson_interval(share.mean, effective, intervals.level, whole.freedom)


def ratio_interval(totals: FloatArray, counts: FloatArray, level: float) -> Ends:
    """Interval of sum(totals) / sum(counts), one of each a bar, shape (n,): a mean over few, unlike bars.

    Fieller 1954: ratios that a t test of totals - ratio * counts lets stand, with the variance of Mean.
    Unlike the linear one it holds where the count says much of the total, as on a day of many trades. None
    where bars are too few or too unlike to bound it.
    """
    freedom = min(COSINES, len(totals) - 1)
    if freedom < 1:
        return None, None
    bars = np.stack([totals, counts])
    waves = dct(bars, type=2, norm="ortho", axis=1)[:, 1 : freedom + 1]
    q = stats.t.ppf((1 + level) / 2, freedom) ** 2
    # Coefficients of the squared mean less q of its variance, a parabola in the ratio.
    (c, b), (_, a) = np.outer(*[bars.mean(axis=1)] * 2) - q * (waves @ waves.T) / freedom / len(totals)
    root = b * b - a * c
    if a <= 0 or root <= 0:
        return None, None
    return float((b - np.sqrt(root)) / a), float((b + np.sqrt(root)) / a)


class BlockBootstrap:
    """Circular moving-block bootstrap over the clock (Politis, Romano 1992), for what is no mean.

    Its percentile intervals are too narrow for a nominal 95 % (benchmarks/coverage.py); means have Intervals.

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

    def interval_of_mean(self, values: FloatArray) -> tuple[float, float]:
        """Percentile interval of the mean of `values`, shape (n,)."""
        return self.quantiles(self.sums(values) / self.sums(np.ones(values.shape[0])))

    def quantiles(self, figures: FloatArray) -> tuple[float, float]:
        """Percentile interval of a figure from its value in each resample."""
        low, high = np.quantile(figures, [(1 - self._level) / 2, (1 + self._level) / 2])
        return float(low), float(high)

    def sums(self, values: FloatArray) -> FloatArray:
        """Sum of `values`, shape (n,), over each resample's rows; shape (resamples,)."""
        by_bar = np.bincount(self._position, weights=values, minlength=self._n_bars)
        # Running totals over two rounds of the clock: a block's sum is one difference, wrapped or not.
        totals = np.concatenate([[0.0], np.cumsum(np.concatenate([by_bar, by_bar]))])
        sums: FloatArray = (totals[self._ends] - totals[self._starts]).sum(axis=1)
        return sums


def wilson_interval(share: float, n: float, level: float, freedom: float = np.inf) -> tuple[float, float]:
    """Interval of a `share` seen in `n` independent rows, which may be an effective number. Wilson 1927.

    With an effective number, known from a standard error with `freedom` degrees of freedom, Student's t takes
    the normal's place (Korn, Graubard 1998).
    """
    t = float(stats.t.ppf((1 + level) / 2, freedom))
    middle = (share + t**2 / (2 * n)) / (1 + t**2 / n)
    half = t / (1 + t**2 / n) * np.sqrt(share * (1 - share) / n + t**2 / (4 * n**2))
    return float(middle - half), float(middle + half)


def adjust_for_many(p_values: list[float | None]) -> list[float | None]:
    """Adjust p-values for having looked at all of them, however they depend on each other; None stays None.

    Source: Benjamini, Yekutieli 2001; those below x are a selection of which a share of x is expected false.
    """
    defined = [p_value for p_value in p_values if p_value is not None]
    adjusted = iter(stats.false_discovery_control(defined, method="by").tolist() if defined else [])
    return [None if p_value is None else next(adjusted) for p_value in p_values]


def diebold_mariano(
    loss: FloatArray, other: FloatArray, intervals: Intervals
) -> tuple[float | None, float | None]:
    """Statistic and two-sided p-value of equal mean losses on the same rows, shape (n,) each.

    Positive where `other` loses more. None where the losses differ by one and the same. Sources: Diebold,
    Mariano 1995; Coroneo, Iacone 2020 for the variance and Student's t, without which too many differ.
    """
    difference = intervals.mean(other - loss)
    return None if difference.error is None else difference.mean / difference.error, difference.p_value(0.0)
