"""The trainers' predictions, accepted only if they match the splits file."""

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.schema import ROW_KEYS
from tapeline.splits.folds import TimeFold

COLUMNS = *ROW_KEYS, "fold", "prediction"


def read_predictions(
    path: Path | str, folds: list[TimeFold], candles: pd.DataFrame, part: str = "test"
) -> pd.DataFrame:
    """Read rows of `symbol`, `timestamp`, `fold`, `prediction`; DataError names the first that can't be used.

    Times rise within a symbol, for validation within its fold, every row is one of `candles` (`symbol`,
    `timestamp`) and lies in `part` of its fold, "test" or "validation", predictions are numbers from 0 to 1.
    """
    predictions = pd.read_parquet(path)
    missing = [name for name in COLUMNS if name not in predictions.columns]
    if missing:
        raise DataError(path, f"column {missing[0]} is missing; must hold {', '.join(COLUMNS)}")
    if not len(predictions):
        raise DataError(path, "has no rows")
    timestamp, symbol = predictions["timestamp"], predictions["symbol"].astype(str)
    # The tests tile the calendar, validations of folds may overlap.
    within = [symbol] if part == "test" else [symbol, predictions["fold"]]
    is_unordered = timestamp.groupby(within).diff() <= pd.Timedelta(0)
    _refuse(path, predictions, is_unordered, "not after the row before")
    near = candles[candles["timestamp"].between(timestamp.min(), timestamp.max())]  # no other is one of them
    candle_keys = pd.MultiIndex.from_arrays([near["symbol"].astype(str), near["timestamp"]])
    rows = pd.MultiIndex.from_arrays([symbol, timestamp])
    _refuse(path, predictions, ~rows.isin(candle_keys), "there is no such candle in the features")
    is_in_fold = np.zeros(len(predictions), dtype=bool)
    for k, fold in enumerate(folds):
        is_in_fold |= fold.mask(timestamp, part) & (predictions["fold"] == k).to_numpy()
    _refuse(path, predictions, ~is_in_fold, f"not in the {part} part of its fold in the splits file", "fold")
    is_number = predictions["prediction"].between(0, 1)  # False where NaN
    _refuse(path, predictions, ~is_number, "must be a number from 0 to 1", "prediction")
    return predictions


def _refuse(
    path: Path | str, rows: pd.DataFrame, is_bad: "pd.Series | NDArray[np.bool_]", what: str, column: str = ""
) -> None:
    bad = np.flatnonzero(is_bad)
    if bad.size:
        row = rows.iloc[bad[0]]
        value = f" {column} {row[column]}," if column else ""
        where = f"row {bad[0]}, {row['symbol']} {row['timestamp']},{value}"
        more = f" (and {bad.size - 1} more rows)" if bad.size > 1 else ""
        raise DataError(path, f"{where} {what}{more}")
