"""Which fold's model is offered for promotion, and which rows measure it alone."""

from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Candidate:
    """The last fold's model, or one refitted on everything, which has no test and carries all folds'."""

    n_folds: int
    is_refit: bool

    @property
    def fold(self) -> int:
        """Its `fold` in validation predictions: a refitted model is of the fold after the last."""
        return self.n_folds if self.is_refit else self.n_folds - 1

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows that measure it, of a table of test rows with their `fold`."""
        own = table if self.is_refit else table[table["fold"] == self.fold]
        return own.reset_index(drop=True)

    @property
    def record(self) -> dict[str, Any]:
        """Which model is packed, and which folds its figures are of."""
        last = f"fold_{self.n_folds - 1}"
        return {
            "model": "refit" if self.is_refit else last,
            "figures_of": "walk_forward" if self.is_refit else last,
        }
