"""Candles as they were read: any order, any quality, each row with its file and row number."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tapeline.market.findings import Finding
from tapeline.schema import OHLCV, TIMESTAMP_TYPE


@dataclass(frozen=True)
class RawCandles:
    """Rows of one symbol, before any repair.

    `rows` holds timestamp (candle OPEN time, UTC, NaT where missing), open, high, low, close, volume
    (float64), `file` (position in `files`) and `row` (data row in that file, counted from 1, a header
    not counted), in the order read; `n_open` counts candles left out because they had not closed,
    `counts` and `findings` what else was found beside the candles; `interval` is that
    of the candles where it was looked at, None where it is known.
    """

    rows: pd.DataFrame
    files: list[str]
    layout: str
    n_open: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    interval: str | None = None
    findings: tuple[Finding, ...] = ()

    @classmethod
    def from_table(cls, table: pd.DataFrame, name: str) -> "RawCandles":
        """Take a plain table of timestamp and OHLCV as if it had been read from one file `name`."""
        rows = table[["timestamp", *OHLCV]].reset_index(drop=True)
        rows = rows.astype({"timestamp": TIMESTAMP_TYPE, **dict.fromkeys(OHLCV, "float64")})
        rows["file"] = 0
        rows["row"] = np.arange(1, len(rows) + 1)
        return cls(rows, [name], "canonical")

    def place(self, position: int) -> str:
        """Name the file and row of the row at `position`, for an error message."""
        return self.place_of(self.rows.iloc[position])

    def place_of(self, row: pd.Series) -> str:
        """Name the file and row that `row`, one of `rows`, came from, for an error message."""
        return f"{self.files[row['file']]}, row {row['row']}"
