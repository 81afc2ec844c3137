"""Predictions that don't match the splits file or the candles are refused by row."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import DataError
from tapeline.splits.folds import TimeFold
from tapeline.splits.predictions import read_predictions

START = pd.Timestamp("2026-01-05", tz="UTC")


def at(minute):
    """Minutes after the start."""
    return START + pd.Timedelta(minutes=minute)


FOLDS = [TimeFold((at(a), at(a + 10)), (at(a + 10), at(a + 15)), (at(a + 15), at(a + 20))) for a in (0, 5)]
CANDLES = pd.DataFrame(
    [(symbol, at(k)) for symbol in ("A", "B") for k in range(30)], columns=["symbol", "timestamp"]
)


def good():
    """Every test candle of both folds and symbols."""
    rows = [(s, at(k), int(k >= 20), 0.5) for s in ("A", "B") for k in range(15, 25)]
    return pd.DataFrame(rows, columns=["symbol", "timestamp", "fold", "prediction"])


def test_predictions_of_test_candles_are_taken_as_they_are(tmp_path):
    """Also with a categorical symbol."""
    rows = good().astype({"symbol": "category"})
    rows.to_parquet(tmp_path / "p.parquet")
    found = read_predictions(tmp_path / "p.parquet", FOLDS, CANDLES)
    pd.testing.assert_frame_equal(found, rows)


def put(row, column, value):
    """A change of one cell."""

    def change(rows):
        rows.loc[row, column] = value
        return rows

    return change


BAD = {
    "a test candle of the other fold": (
        put(0, "fold", 1),
        r"row 0, A .*15:00.*, fold 1, not in the test",
    ),
    "a validation candle": (put(0, "timestamp", at(14)), r"row 0, A .*14:00.*, fold 0, not in the test part"),
    "a fold that is not there": (put(0, "fold", 7), r"fold 7, not in the test part"),
    "a candle that is not there": (put(0, "symbol", "C"), r"row 0, C .*there is no such candle"),
    "after the last candle": (put(9, "timestamp", at(40)), r"row 9, A .*there is no such candle"),
    "twice": (put(1, "timestamp", at(15)), r"row 1, A .*15:00.*, not after the row before"),
    "out of order": (
        lambda rows: rows.iloc[::-1].reset_index(drop=True),
        r"not after .*and 17 more",
    ),
    "no number": (put(3, "prediction", np.nan), r"row 3, A .*, prediction nan, must be a number from 0 to 1"),
    "infinite": (put(3, "prediction", np.inf), r"prediction inf, must be a number"),
    "above one": (put(3, "prediction", 1.01), r"prediction 1.01, must be a number from 0 to 1$"),
    "no column": (
        lambda rows: rows.drop(columns="fold"),
        r"column fold is missing; must hold symbol",
    ),
    "nothing": (lambda rows: rows.iloc[:0], r"has no rows"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_does_not_match_is_named(tmp_path, name):
    """File, row, value and rule in one line."""
    change, message = BAD[name]
    change(good()).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(DataError, match=message) as error:
        read_predictions(tmp_path / "p.parquet", FOLDS, CANDLES)
    assert str(error.value).startswith(str(tmp_path / "p.parquet: "))
    assert "\n" not in str(error.value)
