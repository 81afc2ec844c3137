"""What a bundle promises: the figures that it was promoted with, and how far chance may take them.

Each figure is a mean over moments of a number in 0..1, so that a test that is looked at again and again can
hold what happens live against it (`sequential`). A moment is a bar: all symbols' rows of it are one.
"""

import numpy as np
from numpy.typing import NDArray

from tapeline.documents import Document
from tapeline.evaluation.significance import Mean
from tapeline.tiers import confidence

FloatArray = NDArray[np.float64]
ACCURACY, BRIER, OVERCONFIDENCE, TIER_PRECISION, TREND_ERROR, DAILY_PNL = (
    "accuracy",
    "brier",
    "overconfidence",
    "tier_precision",
    "trend_error",
    "daily_pnl",
)
AT_LEAST = frozenset({ACCURACY, TIER_PRECISION, DAILY_PNL})  # of these, less is worse; of the others, more
REACH = 5.0  # standard deviations of a day's PnL, beyond which it counts as that much


class Figure(Document):
    """One promised figure.

    mean : over moments; bound : the end of its interval on the bad side, None where chance is not known
    deviation : of the moments; moments : how many there are
    low, high : what values 0 and 1 stand for, in the figure's own unit
    """

    mean: float
    bound: float | None
    deviation: float
    moments: int
    low: float = 0.0
    high: float = 1.0


class Tenths(Document):
    """How a feature lay in training.

    edges : the nine numbers between the tenths of its rows; shares : of the rows from each edge to the next,
    a tenth each but where values are equal; usual : the largest stability index of a week of the training
    """

    edges: tuple[float, ...]
    shares: tuple[float, ...]
    usual: float


class Promise(Document):
    """promise.json: figures by name, each a mean over moments out of sample; `level` is the intervals'.

    features : of each that goes in, how it lay in training
    """

    level: float
    figures: dict[str, Figure]
    features: dict[str, Tenths]


def direction_values(
    probability: FloatArray, label: FloatArray, is_traded: NDArray[np.bool_]
) -> dict[str, FloatArray]:
    """By figure, what each row (n,) says of it, in 0..1; NaN where it says nothing.

    label : 1.0 where price rose, 0.0 where it fell; is_traded : whether its tier trades
    """
    hit = ((probability >= 0.5) == (label == 1)).astype(float)
    return {
        ACCURACY: hit,
        BRIER: (probability - label) ** 2,
        OVERCONFIDENCE: (1 + confidence(probability) - hit) / 2,
        TIER_PRECISION: np.where(is_traded, hit, np.nan),
    }


def trend_values(strength: FloatArray, label: FloatArray) -> dict[str, FloatArray]:
    """The same of predicted trend strengths and what they came to."""
    return {TREND_ERROR: np.abs(strength - label)}


def by_moment(values: FloatArray, bar: NDArray[np.int64]) -> tuple[NDArray[np.int64], FloatArray]:
    """Bars that have a value, rising, and the mean over the rows of each; `values`, `bar` are (n,)."""
    is_there = ~np.isnan(values)
    bars, where = np.unique(bar[is_there], return_inverse=True)
    totals = np.bincount(where, weights=values[is_there], minlength=len(bars))
    return bars, totals / np.bincount(where, minlength=len(bars))


def promised(name: str, values: FloatArray, bar: NDArray[np.int64], level: float) -> Figure | None:
    """The figure `name` of rows (n,) at clock positions `bar`; None of no row."""
    bars, means = by_moment(values, bar)
    if not bars.size:
        return None
    low, high = Mean(means, bars - bars[0]).interval(level)
    bound = low if name in AT_LEAST else high
    kept = None if bound is None else float(np.clip(bound, 0.0, 1.0))
    return Figure(mean=float(means.mean()), bound=kept, deviation=float(means.std()), moments=len(bars))


def promised_pnl(daily: FloatArray, level: float) -> Figure | None:
    """The figure of an account's daily net PnL (n,), account currency; None of less than two days."""
    if len(daily) < 2:
        return None
    reach = REACH * float(daily.std(ddof=1))
    if reach == 0:
        return None
    middle = float(daily.mean())
    low, high = middle - reach, middle + reach
    shares = np.clip((daily - low) / (high - low), 0.0, 1.0)
    bound, _ = Mean(shares, np.arange(len(shares)), is_skewed=True).interval(level)
    kept = None if bound is None else float(np.clip(bound, 0.0, 1.0))
    return Figure(
        mean=float(shares.mean()), bound=kept, deviation=float(shares.std()), moments=len(daily),
        low=low, high=high,
    )  # fmt: skip


def tenths_of(rows: FloatArray, week: NDArray[np.int64]) -> Tenths:
    """How a feature's training rows (n,), n >= 1, of the weeks `week` lay."""
    edges = np.quantile(rows, np.linspace(0.1, 0.9, 9))
    tenth = tenth_of(rows, edges)
    shares = np.bincount(tenth, minlength=10) / len(rows)
    counts = np.bincount(week * 10 + tenth, minlength=10 * (int(week.max()) + 1)).reshape(-1, 10)
    is_whole = counts.sum(axis=1) >= counts.sum(axis=1).max() / 2  # the last week may be of a day
    usual = float(stability_index(counts[is_whole], shares).max())
    return Tenths(edges=tuple(edges.tolist()), shares=tuple(shares.tolist()), usual=usual)


def tenth_of(rows: FloatArray, edges: FloatArray) -> NDArray[np.int64]:
    """Number 0..9 of the tenth that each row (n,) falls into; an edge belongs to what lies above it."""
    return np.searchsorted(edges, rows, side="right")


def stability_index(counts: NDArray[np.int64], shares: FloatArray) -> FloatArray:
    """Population stability index of rows by tenth, (..., 10), where training had the `shares`, (..., 10).

    The sum of (p - q) ln(p / q) over the tenths, p the share found and q the training's (Siddiqi 2006,
    "Credit Risk Scorecards"): below 0.1 little has moved, above 0.25 much has. An empty tenth counts as half
    a row, so that the index stays finite; one that is empty on both sides counts as nothing.
    """
    total = np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    found = np.maximum(counts, 0.5) / total
    expected = np.maximum(shares, 0.5 / total)
    terms = (found - expected) * np.log(found / expected)
    index: FloatArray = np.where((counts == 0) & (shares == 0), 0.0, terms).sum(axis=-1)
    return index
