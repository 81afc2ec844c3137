"""A symbol's feature table as its file holds it: columns and rows are read when they are asked for."""

from typing import Any

import pandas as pd

from tapeline.store.feature_store import FeatureStore
from tapeline.store.table_schema import SYMBOL, TIMESTAMP

NEVER = pd.Timestamp(0, unit="us", tz="UTC")


class StoredTable:
    """`table[column]`, `table.iloc[begin:end]` and `len(table)` as of a DataFrame; nothing is kept."""

    def __init__(self, store: FeatureStore, symbol: str) -> None:
        self._store, self._symbol = store, symbol
        self._n_rows: int = store.extent(symbol)["rows"]

    def __len__(self) -> int:
        """Rows."""
        return self._n_rows

    def __getitem__(self, column: str) -> "pd.Series[Any]":
        """All rows of `column`."""
        return self._store.read(self._symbol, columns=[column])[column]

    @property
    def iloc(self) -> "_Rows":
        """Rows by position, all their columns."""
        return _Rows(self._store, self._symbol, self[TIMESTAMP])


class _Rows:
    def __init__(self, store: FeatureStore, symbol: str, times: "pd.Series[Any]") -> None:
        self._store, self._symbol, self._times = store, symbol, times

    def __getitem__(self, rows: slice) -> pd.DataFrame:
        times = self._times.iloc[rows]
        first, after = NEVER, NEVER
        if len(times):
            first, after = times.iloc[0], times.iloc[-1] + pd.Timedelta(microseconds=1)
        return self._store.read(self._symbol, first, after).drop(columns=SYMBOL)
