"""Inputs beyond candles, `data.extra` of params.yaml: their params, and the one form that all of them take.

A row counts from the moment at which it is known, whatever time it speaks of.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, StringConstraints

from tapeline.params import Section

# Columns of a table in the form that `Extra.rows` has, beside its values.
KNOWN, SYMBOL = "known_at", "symbol"
GROUP = "extra"  # of the features, and what their names begin with
EVERY = ""  # the symbol of rows that are the same for all symbols
OWN = ("change", "age")  # what a feature's name ends with that is no column of a file

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$")]  # no _: no two spell one name
ColumnName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


def _tellable(columns: dict[str, str]) -> dict[str, str]:
    if ends := [name for name in columns if name.rpartition("_")[2] in OWN or name in (KNOWN, SYMBOL)]:
        raise ValueError(f"{ends[0]}: must not be {KNOWN} or {SYMBOL}, nor end with {' or '.join(OWN)}")
    return columns


class ExtraParams(Section):
    """One table of `data.extra`."""

    file: Annotated[str, StringConstraints(pattern=r"^[^/\\]+\.parquet$")]  # in the folder data.extra_path
    known_at: str  # column of the time from which a row can be known, with a zone
    delay_s: Annotated[float, Field(ge=0, le=10_000_000)]  # seconds after it; of candles by open time, theirs
    symbol: str | None  # column of the symbol; None: the rows are the same for all
    # value: as it is | price: its log over the candle's close, and its change as log return
    columns: Annotated[
        dict[ColumnName, Literal["value", "price"]], Field(min_length=1), AfterValidator(_tellable)
    ]
    max_age: Annotated[int, Field(ge=1, le=10_000_000)]  # minutes; a row known longer ago says nothing

    def features(self, name: str) -> list[str]:
        """Names of the features of this table, called `name`, in their order: the last is the age."""
        columns = [f"{GROUP}_{name}_{column}{end}" for column in self.columns for end in ("", "_change")]
        return [*columns, f"{GROUP}_{name}_age"]


Extras = dict[Name, ExtraParams]


@dataclass(frozen=True)
class Extra:
    """One table that has been read.

    rows : `known_at` int64, microseconds since 1970, `symbol`, and the columns of `params` as float64; rising
        in `known_at` within a symbol, of the run's symbols or EVERY alone
    excluded : names of its features that `features.exclude` leaves out
    """

    name: str
    params: ExtraParams
    rows: pd.DataFrame
    excluded: frozenset[str] = frozenset()

    def of(self, symbol: str) -> pd.DataFrame:
        """Rows that count for `symbol`."""
        own = self.rows["symbol"].isin([symbol, EVERY])
        return self.rows[own].reset_index(drop=True)


def known_times(rows: pd.DataFrame) -> NDArray[np.int64]:
    """When each of `rows` is known, microseconds since 1970; shape (k,)."""
    return rows[KNOWN].to_numpy(np.int64)
