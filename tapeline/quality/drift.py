"""How far the features of the latest test have moved away from those the last model was trained on.

A drifting feature is no leak and no fault of the data, but a model that reads it is asked about something
it has not seen. Both measures look at one feature at a time, over all symbols together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from tapeline.errors import QualityError
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Finding

N_BINS = 10
LEAST_SHARE = 1e-4  # that a bin counts for, so that an empty one does not make the index infinite
ALL_SYMBOLS = "all symbols"


@dataclass(frozen=True)
class Drift:
    """One feature's distance between training and test rows: `psi` from 0 on, `ks` in 0..1."""

    column: str
    psi: float
    ks: float
    train_rows: int
    test_rows: int


def measure_drift(
    columns: Sequence[str], train: NDArray[np.float64], test: NDArray[np.float64]
) -> list[Drift]:
    """Measure the drift of each feature, the worst (by `psi`, then `ks`) first.

    `train` is of shape (n_train, n_columns), `test` of (n_test, n_columns), in the order of `columns`;
    the order of rows is of no matter. QualityError names a column that holds NaN or infinities, and says
    if there are no rows.
    """
    for part, values in (("training", train), ("test", test)):
        if not len(values):
            raise QualityError(f"drift: there are no {part} rows to compare")
        is_finite = np.isfinite(values).all(axis=0)
        if not is_finite.all():
            raise QualityError(f"drift: {columns[np.argmin(is_finite)]} is not finite in every {part} row")
    drifts = []
    for column, before, after in zip(columns, train.T, test.T, strict=True):
        before, after = np.sort(before), np.sort(after)
        ks = float(ks_2samp(before, after, method="asymp").statistic)
        drifts.append(Drift(column, stability_index(before, after), ks, len(before), len(after)))
    return sorted(drifts, key=lambda drift: (-drift.psi, -drift.ks))


def stability_index(train: NDArray[np.float64], test: NDArray[np.float64]) -> float:
    """Return the population stability index of two sorted samples, shapes (n_train,) and (n_test,).

    sum((q - p) * ln(q / p)) over bins, p and q being the shares of training and test in a bin, each at
    least `LEAST_SHARE`. The bins end at the training's deciles, values of the training themselves, so
    that any increasing transformation of both samples leaves the index as it is. Deciles that coincide
    are one; a training that has but one decile gets a bin below it, so that a fall shows as a rise does.
    Formula and the rule of thumb, 0.1 a moderate and 0.25 a large change: N. Siddiqi, Credit Risk
    Scorecards (2006); its distribution: B. Yurdakul, Statistical Properties of Population Stability
    Index (2018).
    """
    deciles = train[(np.arange(1, N_BINS) * len(train) + N_BINS - 1) // N_BINS - 1]
    edges = np.unique(deciles)
    if len(edges) == 1:
        edges = np.append(np.nextafter(edges, -np.inf), edges)
    p, q = (
        np.maximum(
            np.diff(np.searchsorted(x, edges, side="right"), prepend=0, append=len(x)) / len(x), LEAST_SHARE
        )
        for x in (train, test)
    )
    return float(np.sum((q - p) * np.log(q / p)))


def judge_drift(drifts: Iterable[Drift], params: QualityParams) -> list[Finding]:
    """One finding a feature: neither `psi` above `quality.max_psi` nor `ks` above `quality.max_ks`."""
    return [
        Finding(
            symbol=ALL_SYMBOLS,
            table="features",
            column=drift.column,
            rule="drift",
            expectation=f"psi <= {params.max_psi:g} and ks <= {params.max_ks:g}",
            severity="warning" if "drift" in params.warnings else "critical",
            success=drift.psi <= params.max_psi and drift.ks <= params.max_ks,
            unexpected=None,
            examples=(f"psi {drift.psi:.3g}, ks {drift.ks:.3g}",),
        )
        for drift in drifts
    ]
