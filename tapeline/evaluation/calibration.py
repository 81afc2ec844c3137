"""Whether a probability of 0.7 comes true seven times in ten, and more confidence is more often right."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tapeline.evaluation.direction import hits
from tapeline.evaluation.significance import BlockBootstrap, Intervals
from tapeline.tiers import confidence

FloatArray = NDArray[np.float64]


BINS = ("equal_width", "equal_mass")


def bin_numbers(probability: FloatArray, bins: int, kind: str) -> NDArray[np.int64]:
    """Number of the bin of each probability, shape (n,); `kind` is one of BINS.

    Bins of equal width tile 0..1; those of equal mass hold as many rows each, equal probabilities in the
    order of the rows.
    """
    if kind == "equal_width":
        return np.minimum((probability * bins).astype(np.int64), bins - 1)
    rank = np.empty(probability.size, dtype=np.int64)
    rank[np.argsort(probability, kind="stable")] = np.arange(probability.size)
    return rank * bins // probability.size


def expected_calibration_error(
    probability: FloatArray, direction: FloatArray, bins: int, kind: str = "equal_width"
) -> float:
    """Mean |observed - predicted| over bins of the probability, weighted by their rows.

    Source: Guo et al. 2017, on the probability of up itself. Biased upwards, even for perfect
    calibration (Roelofs et al. 2021).
    """
    off = np.bincount(bin_numbers(probability, bins, kind), weights=direction - probability, minlength=bins)
    return float(np.abs(off).sum() / probability.size)


def calibration_error_interval(
    probability: FloatArray, direction: FloatArray, bins: int, kind: str, bootstrap: BlockBootstrap
) -> tuple[float, float]:
    """Interval of the expected calibration error, whose bins stay those of the sample.

    A resample is further from the sample than that from the truth, so both ends are biased upwards.
    """
    number, off = bin_numbers(probability, bins, kind), direction - probability
    total = sum(np.abs(bootstrap.sums(np.where(number == k, off, 0.0))) for k in range(bins))
    return bootstrap.quantiles(total / bootstrap.sums(np.ones(probability.size)))


def murphy_decomposition(probability: FloatArray, direction: FloatArray, bins: int) -> dict[str, float]:
    """Parts of the Brier score over bins of equal width.

    brier = reliability - resolution + uncertainty + within_bin_variance - within_bin_covariance, exactly.
    Sources: Murphy 1973; Stephenson, Coelho, Jolliffe 2008 for what varies within a bin.
    """
    number = bin_numbers(probability, bins, "equal_width")
    count = np.bincount(number, minlength=bins)
    safe = np.maximum(count, 1)
    predicted = np.bincount(number, weights=probability, minlength=bins) / safe
    observed = np.bincount(number, weights=direction, minlength=bins) / safe
    share = count / probability.size
    within = probability - predicted[number]
    return {
        "reliability": float(share @ (predicted - observed) ** 2),
        "resolution": float(share @ (observed - direction.mean()) ** 2),
        "uncertainty": float(direction.var()),
        "within_bin_variance": float(np.mean(within**2)),
        "within_bin_covariance": float(2 * np.mean((direction - observed[number]) * within)),
    }


def reliability_table(probability: pd.Series, direction: pd.Series, bins: int) -> pd.DataFrame:
    """Mean probability and observed share in `bins` bins of equal mass, with count and 95 % Wilson interval.

    The interval takes rows as independent; overlapping labels are not, so it is a lower bound of the
    uncertainty.
    """
    order = np.argsort(probability.to_numpy(), kind="stable")
    records = []
    for rows in np.array_split(order, min(bins, len(order))) if len(order) else ():
        up, count = int(direction.to_numpy()[rows].sum()), len(rows)
        low, high = stats.binomtest(up, count).proportion_ci(method="wilson")
        mean = probability.to_numpy()[rows].mean()
        records.append((mean, up / count, low, high, count))
    return pd.DataFrame(records, columns=["mean_probability", "observed", "low", "high", "count"])


def confidence_table(
    probability: pd.Series, direction: pd.Series, bins: int, intervals: Intervals | None
) -> pd.DataFrame:
    """Share of right directions in `bins` bins of equal mass of the confidence max(p, 1 - p).

    With mean confidence, interval and count; rows as the intervals were made for, None for no rows.
    """
    names = ["confidence", "accuracy", "low", "high", "count"]
    if intervals is None:
        return pd.DataFrame([], columns=names)
    p, label = probability.to_numpy(), direction.to_numpy()
    of, hit = confidence(p), hits(p, label)
    order, records = np.argsort(of, kind="stable"), []
    for rows in np.array_split(order, min(bins, len(order))) if len(order) else ():
        mask = np.zeros(len(p), dtype=bool)
        mask[rows] = True
        low, high = intervals.interval_of_mean(hit, where=mask)
        records.append((of[rows].mean(), hit[rows].mean(), low, high, len(rows)))
    return pd.DataFrame(records, columns=names)
