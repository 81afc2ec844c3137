"""Which fold's model is offered for promotion, and which rows measure it alone."""

from dataclasses import dataclass

import pandas as pd

from tapeline.params import Params
from tapeline.schema import Refit
from tapeline.splits.folds import read_folds

SPLITS = "data/splits.json"


@dataclass(frozen=True)
class Candidate:
    """The last fold's model, or one refitted on everything, which has no test and carries all folds'."""

    n_folds: int
    is_refit: bool

    @property
    def model(self) -> str:
        """Name of its folder beside those of the folds."""
        return "refit" if self.is_refit else self.last

    @property
    def last(self) -> str:
        """Name of the last fold's model."""
        return f"fold_{self.n_folds - 1}"

    @property
    def fold(self) -> int:
        """Its `fold` in validation predictions: a refitted model is of the fold after the last."""
        return self.n_folds if self.is_refit else self.n_folds - 1

    def rows(self, table: pd.DataFrame) -> pd.DataFrame:
        """The rows that measure it, of a table of test rows with their `fold`."""
        own = table if self.is_refit else table[table["fold"] == self.fold]
        return own.reset_index(drop=True)

    @property
    def record(self) -> dict[str, str]:
        """Which model is packed, and which folds its figures are of."""
        return {"model": self.model, "figures_of": "walk_forward" if self.is_refit else self.last}


def read_candidate(params: Params) -> Candidate:
    """Which model of the run in the current folder is offered, by `promotion.refit` and its splits file."""
    return Candidate(len(read_folds(SPLITS)), params.value("promotion.refit", Refit) == "all")
