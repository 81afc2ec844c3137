"""Do a scaler's statistics depend on training rows alone? Put garbage in all others and fit it again."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tapeline.passes import ROWS_AT_ONCE
from tapeline.quality.ledger import Ledger
from tapeline.quality.report import Audit

COLUMNS_AT_ONCE = 8
# From features of all rows (N, F) to the statistics fitted for a fold (k, F), column by column.
Fit = Callable[[NDArray[np.floating]], NDArray[np.float64]]
# From names of columns to their features of all rows (N, F), an array that is the caller's own.
ReadColumns = Callable[[Sequence[str]], NDArray[np.floating]]


@dataclass(frozen=True)
class Move:
    """A statistic of `column` that garbage in `row`, outside training, changes from `clean` to `moved`."""

    column: str
    row: int
    clean: float
    moved: float


@dataclass(frozen=True)
class ScalerMoves:
    """What became of so many `statistics` of some columns, with garbage outside the training part."""

    statistics: int
    moves: tuple[Move, ...]


def scaler_moves(
    fit: Fit, read: ReadColumns, is_train: NDArray[np.bool_], columns: Sequence[str], seed: Sequence[int]
) -> ScalerMoves:
    """Fit on the features of `columns` and on the same with garbage wherever `is_train` (N,) is false.

    The columns, at most COLUMNS_AT_ONCE, are read and fitted together, and spoilt in place, so that millions
    of rows are held once. Where a statistic moves, the row is found that moves it: the first that, poisoned
    together with all outside rows before it, changes it.
    """
    outside = np.flatnonzero(~is_train)
    if not len(outside):
        return ScalerMoves(0, ())
    poisoned = _Poisoned(fit, read, columns, outside, seed)
    moves = [
        Move(columns[column], int(outside[count - 1]), float(poisoned.clean[row, column]), moved)
        for column, row, count, moved in _movers(poisoned)
    ]
    return ScalerMoves(poisoned.clean.size, tuple(moves))


def scaler_audit(
    name: str, columns: Sequence[str], times: NDArray[np.int64], found: Iterable[ScalerMoves]
) -> Audit:
    """The audit of the scaler of fold `name`, of what was `found` of all of its `columns`.

    times : (N,) microseconds since 1970, of the rows
    """
    ledger = Ledger(name, "scaler", columns)
    for some in found:
        ledger.count(some.statistics)
        for move in some.moves:
            ledger.add(ledger.position(move.column), times[move.row], move.clean, move.moved)
    return ledger.close("features and rows outside the training part")


class _Poisoned:
    """Statistics of some `columns` with garbage in the first of the rows `outside`, the same each time."""

    def __init__(
        self,
        fit: Fit,
        read: ReadColumns,
        columns: Sequence[str],
        outside: NDArray[np.int64],
        seed: Sequence[int],
    ) -> None:
        self._fit, self._read, self._columns, self._outside, self._seed = fit, read, columns, outside, seed
        features = read(columns)
        self.clean = fit(features)
        self.n_outside = len(outside)
        self.moved = self._spoilt(features, len(outside))

    def with_first(self, count: int) -> NDArray[np.float64]:
        """The statistics with garbage in the first `count` outside rows."""
        return self._spoilt(self._read(self._columns), count)

    def _spoilt(self, features: NDArray[np.floating], count: int) -> NDArray[np.float64]:
        rng = np.random.default_rng(self._seed)
        for first in range(0, count, ROWS_AT_ONCE):
            rows = self._outside[first : min(first + ROWS_AT_ONCE, count)]
            features[rows] = rng.normal(0, 1e3, (len(rows), features.shape[1]))
        return self._fit(features)


def _movers(poisoned: _Poisoned) -> Iterator[tuple[int, int, int, float]]:
    """Column, statistic, outside rows it takes and the moved value of each column that moves."""
    clean, moved = poisoned.clean, poisoned.moved
    is_moved = ~((moved == clean) | (np.isnan(moved) & np.isnan(clean))).all(axis=0)
    for column in np.flatnonzero(is_moved):
        few, many = 0, poisoned.n_outside  # with `few` poisoned it stays, with `many` it moves
        while many - few > 1:
            mid = (few + many) // 2
            stays = (poisoned.with_first(mid)[:, column] == clean[:, column]).all()
            few, many = (mid, many) if stays else (few, mid)
        row = int(np.argmax(moved[:, column] != clean[:, column]))
        yield int(column), row, many, float(moved[row, column])
