"""Do a scaler's statistics depend on training rows alone? Put garbage in all others and fit it again."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tapeline.quality.ledger import Ledger
from tapeline.quality.report import Audit

COLUMNS_AT_ONCE = 8
# From features of all rows (N, F) to the statistics fitted for a fold (k, F), column by column.
Fit = Callable[[NDArray[np.floating]], NDArray[np.float64]]


def audit_scaler(
    fit: Fit,
    features: NDArray[np.floating],
    times: NDArray[np.int64],
    is_train: NDArray[np.bool_],
    columns: Sequence[str],
    name: str,
    seed: int,
) -> Audit:
    """Fit on `features` (N, F) and on the same with garbage wherever `is_train` (N,) is false.

    times : (N,) microseconds since 1970. `fit` is asked for some columns at a time, so that millions of
    rows are not held three times over. Where a statistic moves, the row is found that moves it: the first
    that, poisoned together with all outside rows before it, changes it.
    """
    ledger = Ledger(name, "scaler", columns)
    outside = np.flatnonzero(~is_train)
    if not len(outside):
        return ledger.close("rows outside the training part")
    for offset in range(0, features.shape[1], COLUMNS_AT_ONCE):
        part = features[:, offset : offset + COLUMNS_AT_ONCE]
        garbage = np.random.default_rng([seed, offset]).normal(0, 1e3, (len(outside), part.shape[1]))
        clean = fit(part)
        ledger.count(clean.size)
        for column, row, count, moved in _movers(fit, part, outside, garbage, clean):
            ledger.add(offset + column, times[outside[count - 1]], clean[row, column], moved)
    return ledger.close("features and rows outside the training part")


def _movers(
    fit: Fit,
    features: NDArray[np.floating],
    outside: NDArray[np.int64],
    garbage: NDArray[np.float64],
    clean: NDArray[np.float64],
) -> Iterator[tuple[int, int, int, float]]:
    """Column, statistic, outside rows it takes and the moved value of each column that moves."""

    def poisoned(count: int) -> NDArray[np.float64]:
        spoilt = features.copy()
        spoilt[outside[:count]] = garbage[:count]
        return fit(spoilt)

    moved = poisoned(len(outside))
    is_moved = ~((moved == clean) | (np.isnan(moved) & np.isnan(clean))).all(axis=0)
    for column in np.flatnonzero(is_moved):
        few, many = 0, len(outside)  # with `few` poisoned it stays, with `many` it moves
        while many - few > 1:
            mid = (few + many) // 2
            stays = (poisoned(mid)[:, column] == clean[:, column]).all()
            few, many = (mid, many) if stays else (few, mid)
        row = int(np.argmax(moved[:, column] != clean[:, column]))
        yield int(column), row, many, float(moved[row, column])
