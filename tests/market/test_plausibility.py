"""Candles that are possible and not plausible: a wick, a leap and back, a move that nobody traded."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.market.plausibility import find_implausible
from tapeline.market.raw import RawCandles
from tapeline.market.times import MINUTE
from tests.candles import random_candles


def check(table, max_fill=15):
    """What is told of each rule."""
    raw = RawCandles.from_table(table, "a.csv")
    return {found.rule: found for found in find_implausible(raw.rows, raw, MINUTE, max_fill)}


def wick(row, factor, **changes):
    """Candles of which one reaches `factor` times its price."""
    table = random_candles(200)
    table["volume"] = 1.0
    column = "high" if factor > 1 else "low"
    table.loc[row, column] = table.loc[row, "close"] * factor
    for name, value in changes.items():
        table.loc[row, name] = value
    return table


@settings(max_examples=40, deadline=None)
@given(row=st.integers(1, 198), size=st.floats(1.09, 5.0), is_down=st.booleans())
def test_one_wick_is_told_with_its_row_and_value(row, size, is_down):
    """Up or down, wherever it is between two others."""
    table = wick(row, 1 / size if is_down else size)
    (found,) = check(table).values()
    name = "low" if is_down else "high"
    assert found.message.startswith(f"a.csv, row {row + 1}: {name} is {table.loc[row, name]:.10g}, between ")
    assert (found.rule, found.count) == ("wicks", 1)


def test_the_worst_of_several_is_named():
    """With how many there are."""
    table = wick(50, 1.2)
    table.loc[150, "high"] = table.loc[150, "close"] * 1.3
    found = check(table)["wicks"]
    assert found.message.startswith("a.csv, row 151: ")
    assert found.message.endswith("the worst of 2 candles")


def test_a_crash_that_was_traded_is_none():
    """Nor is one that begins a fall, or stands beside a gap that hides what was there."""
    assert check(wick(100, 0.5, volume=20.0)) == {}
    fall = wick(100, 0.5)
    fall.loc[101:, ["open", "high", "low", "close"]] *= 0.5
    assert check(fall) == {}
    alone = wick(100, 1.2)
    alone.loc[101:, "timestamp"] += pd.Timedelta(minutes=16)
    assert check(alone) == {}


@pytest.mark.parametrize(
    ("changes", "n_odd"),
    [
        ({}, 0),
        ({"high": 100.5}, 1),
        ({"close": 100.1, "high": 100.1}, 2),
        (dict.fromkeys(["open", "high", "low", "close"], 100.1), 2),
    ],
)
def test_a_move_without_volume_is_counted(changes, n_odd):
    """A range, or another close than before: then also the next, which comes back."""
    table = random_candles(200)
    table[["open", "high", "low", "close"]] = 100.0
    table.loc[90:110, "volume"] = 0.0
    for name, value in changes.items():
        table.loc[100, name] = value
    found = check(table)
    assert found["moves_without_volume"].count == n_odd if n_odd else not found
    if n_odd:
        told = found["moves_without_volume"].message
        assert told.startswith("a.csv, row 101: volume is 0, the price moves: low 100")


@settings(max_examples=30, deadline=None)
@given(row=st.integers(1, 199), n=st.integers(2, 30), factor=st.floats(1.2, 8.0), is_down=st.booleans())
def test_a_level_that_comes_back_is_told(row, n, factor, is_down):
    """Whole candles at another price for some minutes, or at the end: the worst of the leaps is named."""
    table = random_candles(200).assign(volume=1.0)
    prices = ["open", "high", "low", "close"]
    table.loc[row : row + n - 1, prices] *= 1 / factor if is_down else factor
    found = check(table)["leaps"]
    assert found.count == (2 if row + n < 200 else 1)
    assert found.message.startswith((f"a.csv, row {row + 1}: low..high is ", f"a.csv, row {row + n + 1}: "))


def test_a_leap_behind_a_gap_that_is_not_filled_is_none():
    """Nobody knows what lay between; unless it is the double within a day."""
    table = random_candles(200).assign(volume=1.0)
    table.loc[100:, ["open", "high", "low", "close"]] *= 1.25
    assert set(check(table)) == {"leaps"}
    near = table.copy()
    near.loc[100:, "timestamp"] += pd.Timedelta(minutes=15)
    assert set(check(near)) == {"leaps"}
    table.loc[100:, "timestamp"] += pd.Timedelta(minutes=16)
    assert check(table) == {}
    table.loc[100:, ["open", "high", "low", "close"]] *= 2
    assert set(check(table)) == {"leaps"}
    table.loc[100:, "timestamp"] += pd.Timedelta(days=1)
    assert check(table) == {}


def test_a_low_of_almost_nothing_is_told_without_a_warning(recwarn):
    """Its neighbours are more times as high than a number can say."""
    table = wick(50, 5e-324)
    assert check(table)
    assert not recwarn.list
