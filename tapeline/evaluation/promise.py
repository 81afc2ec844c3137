"""What a bundle promises: the figures that it was promoted with, and how far chance may take them.

Each figure is a mean over moments of a number in 0..1, so that a test that is looked at again and again can
hold what happens live against it (`sequential`). A moment is a bar: all symbols' rows of it are one.
"""

from collections.abc import Mapping

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


class Promise(Document):
    """promise.json: figures by name, each a mean over moments out of sample; `level` is the intervals'.

    deciles : by feature, the nine numbers between the tenths of its training rows
    """

    level: float
    figures: dict[str, Figure]
    deciles: dict[str, tuple[float, ...]]


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


def deciles_of(features: Mapping[str, NDArray[np.float32]]) -> dict[str, tuple[float, ...]]:
    """By feature, the nine numbers between the tenths of its rows (n,), n >= 1."""
    tenths = np.linspace(0.1, 0.9, 9)
    return {
        name: tuple(np.quantile(rows.astype(np.float64), tenths).tolist()) for name, rows in features.items()
    }
