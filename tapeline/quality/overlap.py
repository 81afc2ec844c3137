"""Do two parts of a split share a candle that a label is made of? Row by row, not by the splitter's sums."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.quality.ledger import Ledger
from tapeline.quality.report import Audit


def audit_overlap(
    parts: Mapping[str, NDArray[np.bool_]],
    timestamp: pd.Series,
    label_span: pd.Timedelta,
    labels: Sequence[str],
    name: str,
) -> Audit:
    """Compare every two of `parts`, masks (N,) of rows of all symbols at `timestamp` (N,).

    The label of a row spans the time from its candle to `label_span` later. Two rows of different parts must
    lie further apart than that; the first of a part that does not is kept, with the minutes between them.
    """
    ledger = Ledger(name, "overlap", [f"{label} ({pair})" for pair in _pairs(parts) for label in labels])
    micros = timestamp.to_numpy("datetime64[us]").view(np.int64)
    span = label_span // pd.Timedelta(microseconds=1)
    times = {part: np.unique(micros[mask]) for part, mask in parts.items()}
    for number, (one, other) in enumerate(combinations(parts, 2)):
        if not (len(times[one]) and len(times[other])):
            continue
        apart = _distance(times[one], times[other])
        row = int(np.argmin(apart > span))
        for column in range(number * len(labels), (number + 1) * len(labels)):
            ledger.count(len(apart))
            if apart[row] <= span:
                ledger.add(column, times[one][row], span / 6e7, apart[row] / 6e7)
    return ledger.close("rows in two parts")


def _pairs(parts: Mapping[str, NDArray[np.bool_]]) -> list[str]:
    return [f"{one} and {other}" for one, other in combinations(parts, 2)]


def _distance(times: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Microseconds from each of `times` to the nearest of `others`, both ascending."""
    after = np.searchsorted(others, times)
    later = np.abs(others[np.minimum(after, len(others) - 1)] - times)
    earlier = np.abs(times - others[np.maximum(after - 1, 0)])
    nearest: NDArray[np.int64] = np.minimum(later, earlier)
    return nearest
