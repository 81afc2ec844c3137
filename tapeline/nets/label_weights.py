"""How much each label weighs in the loss, and how many independent labels there are."""

import numpy as np
from numpy.typing import NDArray


def uniqueness(rows: NDArray[np.int64], n_rows: int, horizon: int) -> NDArray[np.float64]:
    """Average uniqueness of the labels at `rows`, shape (len(rows),), in (0, 1].

    A label depends on the `horizon` candles after it; the uniqueness of a label on a candle is one over
    the labels that depend on that candle, averaged over the label's own candles. Their sum is the
    effective number of labels. Source: Lopez de Prado 2018, chapter 4.
    """
    labels_on = np.zeros(n_rows + horizon + 2, np.int32)
    np.add.at(labels_on, rows + 1, 1)
    np.add.at(labels_on, rows + horizon + 1, -1)
    np.cumsum(labels_on, out=labels_on)
    totals = np.zeros(len(labels_on) + 1)
    np.divide(1, np.maximum(labels_on, 1, out=labels_on), out=totals[1:])
    np.cumsum(totals, out=totals)
    mean: NDArray[np.float64] = (totals[rows + horizon + 1] - totals[rows + 1]) / horizon
    return mean


def class_factors(
    labels: NDArray[np.float64], group: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Factors (n,) that let both classes of 0/1 `labels` (n,) with `weights` count equally within a `group`.

    All ones for labels that are no classes, and in a group that has one class alone.
    """
    factors = np.ones(labels.shape[0])
    if not np.isin(labels, (0.0, 1.0)).all():
        return factors
    for member in np.unique(group):
        mask = group == member
        share_up = np.average(labels[mask], weights=weights[mask])
        if 0 < share_up < 1:
            factors[mask] = np.where(labels[mask] == 1, 0.5 / share_up, 0.5 / (1 - share_up))
    return factors
