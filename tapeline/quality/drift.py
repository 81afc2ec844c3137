"""How far the features of the latest test have moved away from those the last model was trained on.

A drifting feature is no leak and no fault of the data, but a model that reads it is asked about something
it has not seen. Both measures look at one feature at a time, over all symbols together. What follows from
the calendar alone repeats by the week, so a test that is no whole number of weeks never has its distribution
of all training: it is held against training of the same times of the week.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from tapeline.errors import QualityError
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Finding

N_BINS = 10
LEAST_SHARE = 1e-4  # that a bin counts for, so that an empty one does not make the index infinite
ALL_SYMBOLS = "all symbols"
WEEK = 7 * 24 * 60 * 60 * 1_000_000  # microseconds
Span = tuple[int, int]  # microseconds since 1970, half-open


@dataclass(frozen=True)
class Drift:
    """One feature's distance between training and test rows: `psi` from 0 on, `ks` in 0..1."""

    column: str
    psi: float
    ks: float
    train_rows: int
    test_rows: int


def measure_drift(
    columns: Sequence[str], train: NDArray[np.floating], test: NDArray[np.floating]
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
            raise QualityError(
                f"drift: {columns[int(np.argmin(is_finite))]} is not finite in every {part} row"
            )
    drifts = []
    for column, before, after in zip(columns, train.T, test.T, strict=True):
        before, after = np.sort(before), np.sort(after)
        ks = ks_distance(before, after)
        drifts.append(Drift(column, stability_index(before, after), ks, len(before), len(after)))
    return worst_first(drifts)


def worst_first(drifts: Iterable[Drift]) -> list[Drift]:
    """By `psi`, then `ks`."""
    return sorted(drifts, key=lambda drift: (-drift.psi, -drift.ks))


def same_times_of_week(times: NDArray[np.int64], train: Span, test: Span) -> NDArray[np.int64]:
    """Positions of the training rows that lie whole weeks before the test, span by span.

    times : (n,) open times of all rows. Each span is as long as the test and within `train`; a row of two
    spans is there twice, as its time of the week is in the test. None where training has room for no span.
    """
    weeks = range(1, (test[0] - train[0]) // WEEK + 1)
    spans = [(test[0] - k * WEEK, test[1] - k * WEEK) for k in weeks]
    rows = [np.flatnonzero((times >= start) & (times < end)) for start, end in spans if end <= train[1]]
    return np.concatenate([np.empty(0, np.int64), *rows])


def ks_distance(train: NDArray[np.floating], test: NDArray[np.floating]) -> float:
    """Return the Kolmogorov-Smirnov distance of two sorted samples, shapes (n_train,) and (n_test,).

    The test's share up to a value changes at its own values alone, and the training's only grows between
    two of them, so that the distance is largest at one of the test's values or right before it.
    """
    values, counts = np.unique(test, return_counts=True)
    after = np.cumsum(counts) / len(test)
    before = np.concatenate([[0.0], after[:-1]])
    of_train = [np.searchsorted(train, values, side) / len(train) for side in ("left", "right")]
    return float(max(np.abs(x - y).max() for x, y in zip(of_train, (before, after), strict=True)))


def stability_index(train: NDArray[np.floating], test: NDArray[np.floating]) -> float:
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
    """One finding per feature: neither `psi` above `quality.max_psi` nor `ks` above `quality.max_ks`."""
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


def drift_lines(drifts: Iterable[Drift], groups: Mapping[str, str], params: QualityParams) -> list[str]:
    """One line per group (`groups` by feature) that drifts, naming its worst feature."""
    drifted = [drift for drift in drifts if drift.psi > params.max_psi or drift.ks > params.max_ks]
    by_group = sorted(drifted, key=lambda drift: groups[drift.column])
    lines = []
    for group, members in groupby(by_group, key=lambda drift: groups[drift.column]):
        worst, *others = worst_first(members)
        size = sum(of == group for of in groups.values())
        lines.append(
            f"{group}: {1 + len(others)} of {size} features drift, most of all {worst.column}, "
            f"psi {worst.psi:.3g}, ks {worst.ks:.3g}"
        )
    return lines
