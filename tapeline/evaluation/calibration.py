"""Whether a probability of 0.7 comes true seven times in ten, and more confidence is more often right."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from tapeline.evaluation.direction import hits
from tapeline.evaluation.significance import BlockBootstrap


def expected_calibration_error(
    probability: NDArray[np.float64], direction: NDArray[np.float64], bins: int
) -> float:
    """Mean |observed - predicted| over equal-width bins of the probability, weighted by their rows.

    Source: Guo et al. 2017, on the probability of up itself. Biased upwards, even for perfect
    calibration (Roelofs et al. 2021).
    """
    index = np.minimum((probability * bins).astype(int), bins - 1)
    predicted = np.bincount(index, weights=probability, minlength=bins)
    observed = np.bincount(index, weights=direction, minlength=bins)
    return float(np.abs(observed - predicted).sum() / probability.size)


def reliability_table(probability: pd.Series, direction: pd.Series, bins: int) -> pd.DataFrame:
    """Mean probability and observed share in `bins` bins of equal mass, with count and 95 % Wilson interval.

    The interval takes rows as independent; overlapping labels are not, so it is a lower bound of the
    uncertainty.
    """
    order = np.argsort(probability.to_numpy(), kind="stable")
    records = []
    for rows in np.array_split(order, min(bins, len(order))):
        up, count = int(direction.to_numpy()[rows].sum()), len(rows)
        low, high = stats.binomtest(up, count).proportion_ci(method="wilson")
        mean = probability.to_numpy()[rows].mean()
        records.append((mean, up / count, low, high, count))
    return pd.DataFrame(records, columns=["mean_probability", "observed", "low", "high", "count"])


def confidence_table(
    probability: pd.Series, direction: pd.Series, bins: int, bootstrap: BlockBootstrap
) -> pd.DataFrame:
    """Share of right directions in `bins` bins of equal mass of the confidence max(p, 1 - p).

    With mean confidence, block-bootstrap interval and count; rows as the bootstrap was made for.
    """
    p, label = probability.to_numpy(), direction.to_numpy()
    confidence, hit = np.maximum(p, 1 - p), hits(p, label)
    order, records = np.argsort(confidence, kind="stable"), []
    for rows in np.array_split(order, min(bins, len(order))):
        mask = np.zeros(len(p), dtype=bool)
        mask[rows] = True
        low, high = bootstrap.interval_of_mean(hit, where=mask)
        records.append((confidence[rows].mean(), hit[rows].mean(), low, high, len(rows)))
    return pd.DataFrame(records, columns=["confidence", "accuracy", "low", "high", "count"])
