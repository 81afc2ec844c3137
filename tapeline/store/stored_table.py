"""A symbol's feature table as its files hold it: columns and rows are read when they are asked for."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from tapeline.store.feature_store import FeatureStore
from tapeline.store.row_groups import Slice, fill
from tapeline.store.table_schema import TIMESTAMP


class StoredTable:
    """`table[column]`, `table.iloc[begin:end]` and `len(table)` as of a DataFrame; of values nothing is kept.

    Footers and times are read once, so a column takes no more than its own bytes of each file.
    """

    def __init__(self, store: FeatureStore, symbol: str) -> None:
        self._schema, self._slices = store.located(symbol)

    def __len__(self) -> int:
        """Rows."""
        return sum(len(slice_.times) for slice_ in self._slices)

    def __getitem__(self, column: str) -> "pd.Series[Any]":
        """All rows of `column`."""
        return self._read(self._slices, [column])[column]

    @property
    def iloc(self) -> "_Rows":
        """Rows by position, all their columns."""
        return _Rows(self)

    def _read(self, slices: list[Slice], columns: Sequence[str]) -> pd.DataFrame:
        times = np.concatenate([np.empty(0, np.int64), *(slice_.times for slice_ in slices)])
        arrays = {
            name: np.empty(len(times), self._schema.dtypes[name]) for name in columns if name != TIMESTAMP
        }
        fill(slices, arrays)
        index = pd.DatetimeIndex(times.view("datetime64[us]"), tz="UTC")
        return pd.DataFrame({TIMESTAMP: index} | arrays, copy=False)[list(columns)]


class _Rows:
    def __init__(self, table: StoredTable) -> None:
        self._table = table

    def __getitem__(self, rows: slice) -> pd.DataFrame:
        first, after, _ = rows.indices(len(self._table))
        cut, at = [], 0
        for slice_ in self._table._slices:
            n = len(slice_.times)
            begin, stop = max(first - at, 0), min(after - at, n)
            at += n
            if begin < stop:
                own = slice_.begin + begin, slice_.begin + stop
                cut.append(replace(slice_, begin=own[0], stop=own[1], times=slice_.times[begin:stop]))
        return self._table._read(cut, list(self._table._schema.dtypes))
