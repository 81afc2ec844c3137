"""Do a scaler's statistics depend on training rows alone? Put garbage in all others and fit it again."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tapeline.quality.ledger import Ledger
from tapeline.quality.report import Audit

# From the features of all rows (N, F) to the statistics fitted for a fold (k, F).
Fit = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def audit_scaler(
    fit: Fit,
    features: NDArray[np.float64],
    times: NDArray[np.int64],
    is_train: NDArray[np.bool_],
    columns: Sequence[str],
    name: str,
    seed: int,
) -> Audit:
    """Fit on `features` (N, F) and on the same with garbage wherever `is_train` (N,) is false.

    times : (N,) microseconds since 1970. Where a statistic moves, the row is found that moves it: the
    first that, poisoned together with all outside rows before it, changes it.
    """
    ledger = Ledger(name, "scaler", columns)
    outside = np.flatnonzero(~is_train)
    garbage = np.random.default_rng(seed).normal(0, 1e3, (len(outside), features.shape[1]))
    clean = fit(features)
    if not len(outside):
        return ledger.close("rows outside the training part")

    def poisoned(count: int) -> NDArray[np.float64]:
        spoilt = features.copy()
        spoilt[outside[:count]] = garbage[:count]
        return fit(spoilt)

    moved = poisoned(len(outside))
    is_moved = ~((moved == clean) | (np.isnan(moved) & np.isnan(clean))).all(axis=0)
    ledger.count(clean.size)
    for column in np.flatnonzero(is_moved):
        few, many = 0, len(outside)  # with `few` poisoned it stays, with `many` it moves
        while many - few > 1:
            middle = (few + many) // 2
            stays = (poisoned(middle)[:, column] == clean[:, column]).all()
            few, many = (middle, many) if stays else (few, middle)
        row = int(np.argmax(moved[:, column] != clean[:, column]))
        ledger.add(column, times[outside[many - 1]], clean[row, column], moved[row, column])
    return ledger.close("features and rows outside the training part")
