"""The mean of several models, row by row: every member counts the same."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.findings import Findings, Place
from tapeline.referee.learned import Predictions

ENSEMBLES = "ensembles"
TOLERANCE = 1e-12  # of a mean of numbers from 0 to 1


def check_ensemble(
    predictions: Predictions,
    members: Sequence[Predictions],
    n_folds: int,
    market: list[SymbolCandles],
    findings: Findings,
) -> None:
    """Every prediction of an ensemble is the mean of what its members say of that row, and of no other."""
    what = f"{predictions.name}'s mean"
    for part in ("test", "validation"):
        for k, symbol in product(range(n_folds), [candles.symbol for candles in market]):
            place = Place(k, symbol)
            times, values = predictions.of(part, k, symbol)
            total = np.zeros(times.size)
            for member in members:
                own_times, own = member.of(part, k, symbol)
                findings.same_rows(ENSEMBLES, f"{what} of {member.name}", times, own_times, place)
                total = total + own if np.array_equal(times, own_times) else np.full(times.size, np.nan)
            expected = total / len(members)
            findings.equal(ENSEMBLES, what, values, expected, place, times, tolerance=TOLERANCE)
