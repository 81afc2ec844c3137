"""Longer candles in the place of shorter ones: found where steps are all alike, never in a real market."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.raw import RawCandles
from tapeline.market.spanning import check_spanning
from tapeline.market.times import MINUTE
from tapeline.schema import OHLCV

NONE = np.empty(0, dtype=np.int64)


def walk(n, seed=0, quiet=0.0):
    """`n` minutes of a random walk, a share `quiet` of them not there."""
    rng = np.random.default_rng(seed)
    path = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, (n, 4)).ravel())).reshape(n, 4)
    table = pd.DataFrame({"timestamp": pd.date_range("2024-01-01", periods=n, freq="min", tz="UTC")})
    table["open"], table["close"] = path[:, 0], path[:, 3]
    table["high"], table["low"] = path.max(axis=1), path.min(axis=1)
    table["volume"] = rng.lognormal(0, 1, n)
    return table[["timestamp", *OHLCV]][rng.random(n) >= quiet]


def joined(table, length):
    """The candles of `length` minutes that pandas makes of `table`."""
    rules = {"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"}
    return table.resample(f"{length}min", on="timestamp").agg(rules).dropna().reset_index()


def check(table, winners=NONE):
    """As cleaning does."""
    raw = RawCandles.from_table(table, "a.csv")
    check_spanning(raw.rows, raw, MINUTE, winners)


def put(table, longer):
    """`longer` candles in the place of those of `table`, as drop_duplicates(keep="last") leaves them."""
    return pd.concat([table, longer]).drop_duplicates("timestamp", keep="last").sort_values("timestamp")


@pytest.mark.parametrize(("length", "n"), [(5, 5), (15, 3), (60, 2), (1440, 1)])
def test_a_few_longer_candles_in_a_row_are_named(length, n):
    """One a time, so that nothing else tells; the first is named, and how long it is."""
    table = walk(4 * 1440)
    longer = joined(table, length).iloc[2 : 2 + n]
    with pytest.raises(DataError) as caught:
        check(put(table, longer))
    told = str(caught.value)
    assert told.startswith(f"a.csv, row {2 * length + 1}: has range and volume, ")
    assert told.endswith(f"it is {length} minutes long; a symbol's files hold one interval")


def test_one_hour_that_took_a_minutes_place_is_named():
    """Where two candles of a time differed, less is proof enough; were it a corrected minute, it stays."""
    table = walk(600)
    with pytest.raises(DataError, match="row 121: .* it is 60 minutes long"):
        check(put(table, joined(table, 60).iloc[2:3]), np.array([120]))
    check(table, np.array([120]))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), quiet=st.floats(0, 0.9), n=st.integers(1, 3000))
def test_minutes_are_not_taken_for_longer_candles(seed, quiet, n):
    """Whatever share of them is missing, and whichever took another's place."""
    table = walk(n, seed, quiet)
    if len(table):
        check(table, np.arange(0, len(table), 7))


@pytest.mark.parametrize("length", [5, 60])
def test_whole_longer_candles_are_not_taken_for_still_longer_ones(length):
    """Five minutes, or hours, as they come."""
    raw = RawCandles.from_table(joined(walk(20 * 1440), length), "a.csv")
    check_spanning(raw.rows, raw, length * MINUTE, NONE)
