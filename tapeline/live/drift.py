"""How far features have moved from those of the training: rows by tenth, and their stability index."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.promise import stability_index
from tapeline.outputs import read_json, write_json

COUNTS = "drift.json"
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
    """Rows of features by day and tenth of the training's rows; `n_days` are kept."""

    def __init__(self, reference: Reference, n_days: int) -> None:
        self.reference, self._n_days = reference, max(1, n_days)
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._at = np.arange(len(reference.names))

    def add(self, day: str, row: NDArray[np.float32]) -> None:
        """Count a row of all that is fed."""
        if day not in self._counts:
            self._counts[day] = np.zeros((len(self._at), 10), dtype=np.int64)
            for old in sorted(self._counts)[: -self._n_days]:
                del self._counts[old]
        tenth = (row[self.reference.columns, None] >= self.reference.edges).sum(axis=1)
        self._counts[day][self._at, tenth] += 1

    @property
    def rows(self) -> int:
        """Rows that are counted."""
        return int(sum(counts[0].sum() for counts in self._counts.values())) if len(self._at) else 0

    def moved(self) -> dict[str, Moved]:
        """By feature, the one first that moved most beyond what is usual; empty while rows are too few."""
        if self.rows < LEAST_ROWS:
            return {}
        counts = sum(self._counts.values(), np.zeros((len(self._at), 10), dtype=np.int64))
        index, usual = stability_index(counts, self.reference.shares), self.reference.usual
        order = np.argsort(-(index / np.maximum(usual, 1e-3)), kind="stable")
        return {self.reference.names[k]: Moved(float(index[k]), float(usual[k])) for k in order}

    def save(self, folder: Path, bundles: Mapping[str, str]) -> None:
        """Write the counts, and the bundles that they are of."""
        days = {day: counts.tolist() for day, counts in self._counts.items()}
        names = list(self.reference.names)
        write_json(folder / COUNTS, {"bundles": dict(bundles), "features": names, "days": days})

    def load(self, folder: Path, bundles: Mapping[str, str]) -> None:
        """Take the counts that were written, if they are of the same bundles and features."""
        try:
            stored = read_json(folder / COUNTS)
            if stored["bundles"] == dict(bundles) and tuple(stored["features"]) == self.reference.names:
                self._counts = {
                    day: np.array(counts, dtype=np.int64) for day, counts in stored["days"].items()
                }
        except (OSError, ValueError, KeyError, TypeError):
            return
