"""How far features have moved from those of the training: rows by tenth, and their stability index."""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.promise import stability_index
from tapeline.outputs import read_json, write_json

COUNTS = "drift.json"
DAY_US = 86_400_000_000
Row = tuple[str, int, NDArray[np.float32]]  # symbol, open time in microseconds, features as they are fed
AT_ONCE = 64  # rows
LEAST_ROWS = 1000  # below which an index is mostly chance


class Reference(NamedTuple):
    """How features lay in training, scaled as they are fed; F of them, each once.

    columns : (F,) where each stands in a row; edges : (F, 9); shares : (F, 10)
    usual : (F,) the largest index of a week of the training
    """

    names: tuple[str, ...]
    columns: NDArray[np.int64]
    edges: NDArray[np.float64]
    shares: NDArray[np.float64]
    usual: NDArray[np.float64]


class Moved(NamedTuple):
    """A feature's stability index, and beside it the largest of a week of the training."""

    by: float
    usual: float


class Drift:
    """Rows of features by day and tenth of the training's rows.

    n_days : that are kept; length : newest rows of a symbol that a start can make and count anew
    """

    def __init__(self, reference: Reference, n_days: int, length: int) -> None:
        self.reference, self._n_days, self._length = reference, max(1, n_days), length
        self._counts: dict[int, NDArray[np.int64]] = {}  # by day since 1970
        self._until: dict[str, int] = {}  # by symbol, time of the newest row that is counted
        self._unsaved: Counter[str] = Counter()
        self._waiting: list[tuple[int, NDArray[np.float32]]] = []  # day and row of those not counted yet
        self._firsts = 10 * np.arange(len(reference.names))

    def add(self, rows: Iterable[Row]) -> None:
        """Take rows of all that is fed; one that is not after the last of its symbol is counted already."""
        for symbol, time, row in rows:
            if time > self._until.get(symbol, -1):
                self._until[symbol] = time
                self._unsaved[symbol] += 1
                self._waiting.append((time // DAY_US, row.copy()))
        if len(self._waiting) >= AT_ONCE:
            self._count()

    def _count(self) -> None:
        """Count the rows that wait: many of them at once, as one alone takes as long."""
        waiting, self._waiting = self._waiting, []
        n_features = len(self._firsts)
        for day, of_day in groupby(waiting, key=lambda each: each[0]) if n_features else ():
            values = np.array([row for _, row in of_day])[:, self.reference.columns, None]
            cells = self._firsts + (values >= self.reference.edges).sum(axis=2)
            counts = np.bincount(cells.ravel(), minlength=10 * n_features).reshape(-1, 10)
            self._counts[day] = self._counts.get(day, 0) + counts
            for old in sorted(self._counts)[: -self._n_days]:
                del self._counts[old]

    @property
    def is_due(self) -> bool:
        """Whether more rows would be lost to a kill than a start can count anew, unless they are saved."""
        return any(n >= self._length for n in self._unsaved.values())

    @property
    def rows(self) -> int:
        """Rows that are counted."""
        self._count()
        return int(sum(counts[0].sum() for counts in self._counts.values())) if len(self._firsts) else 0

    def moved(self) -> dict[str, Moved]:
        """By feature, the one first that moved most beyond what is usual; empty while rows are too few."""
        if self.rows < LEAST_ROWS:
            return {}
        counts = sum(self._counts.values(), np.zeros((len(self._firsts), 10), dtype=np.int64))
        index, usual = stability_index(counts, self.reference.shares), self.reference.usual
        order = np.argsort(-(index / np.maximum(usual, 1e-3)), kind="stable")
        return {self.reference.names[k]: Moved(float(index[k]), float(usual[k])) for k in order}

    def save(self, folder: Path, bundles: Mapping[str, str]) -> None:
        """Write the counts, how far they go, and the bundles that they are of."""
        self._count()
        days = {str(np.datetime64(day, "D")): counts.tolist() for day, counts in sorted(self._counts.items())}
        write_json(
            folder / COUNTS,
            {
                "bundles": dict(bundles),
                "features": list(self.reference.names),
                "until": self._until,
                "days": days,
            },
        )
        self._unsaved.clear()

    def load(self, folder: Path, bundles: Mapping[str, str]) -> None:
        """Take the counts that were written, if they are of the same bundles and features."""
        try:
            stored = read_json(folder / COUNTS)
            if stored["bundles"] == dict(bundles) and tuple(stored["features"]) == self.reference.names:
                counts = {
                    int(np.datetime64(day, "D").astype(np.int64)): np.array(each, dtype=np.int64)
                    for day, each in stored["days"].items()
                }
                self._until = {symbol: int(time) for symbol, time in stored["until"].items()}
                self._counts = counts
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return
