"""Price levels: another unit or symbol is found wherever it begins, a market's own moves never are."""

from contextlib import nullcontext

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.levels import check_levels
from tapeline.market.raw import RawCandles
from tapeline.market.times import MINUTE
from tapeline.schema import PRICES
from tests.candles import random_candles

CANDLES = random_candles(200)


def check(factor, begin, length, missing=0, n=200):
    """Judge the candles, prices of `length` rows from position `begin` on multiplied by `factor`.

    `missing` candles are left out before them.
    """
    raw = RawCandles.from_table(CANDLES[:n], "a.csv")
    raw.rows.loc[begin : begin + length - 1, list(PRICES)] *= factor
    raw.rows.loc[begin:, "timestamp"] += pd.Timedelta(minutes=missing)
    check_levels(raw.rows, raw, MINUTE, 15)


@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
@given(
    factor=st.floats(8.2, 1e9), is_down=st.booleans(), begin=st.integers(1, 199), length=st.integers(1, 200)
)
def test_a_leap_is_named_at_its_first_row(factor, is_down, begin, length):
    """Eightfold and more, for one candle or to the end, up or down."""
    with pytest.raises(
        DataError, match=rf"^a.csv, row {begin + 1}: price is .* a.csv, row {begin}, just before"
    ):
        check(1 / factor if is_down else factor, begin, length)


@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
@given(
    factor=st.floats(1.3, 8.0),
    is_down=st.booleans(),
    n=st.integers(10, 200),
    place=st.floats(0, 1),
    missing=st.integers(0, 15),
)
def test_a_level_that_stays_apart_is_named_at_its_first_row(factor, is_down, n, place, missing):
    """A third more or less, none or a few candles missing, with at least five on either side to show that."""
    begin = 5 + int(place * (n - 10))
    with pytest.raises(DataError, match=rf"^a.csv, row {begin + 1}: price is "):
        check(1 / factor if is_down else factor, begin, 200, missing, n)


def test_behind_a_longer_gap_a_level_begins_a_segment():
    """Sixteen missing candles are not filled: nothing crosses them, and nobody knows what they hid."""
    check(7.9, 100, 100, missing=16)
    check(1.4, 100, 100, missing=400)


@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
@given(factor=st.floats(0.2, 5.0), begin=st.integers(1, 140), length=st.integers(1, 59))
def test_a_level_that_comes_back_within_the_hour_is_let_be(factor, begin, length):
    """A spike may be a market's own; whether it is likely is for the quality rules to say."""
    check(factor, begin, length)


@pytest.mark.parametrize(
    ("factor", "minutes", "is_refused"),
    [(9.0, 5 * 60, True), (9.0, 7 * 60, False), (60.0, 29 * 1440, True), (60.0, 31 * 1440, False)],
)
def test_the_longer_the_gap_the_more_it_may_hide(factor, minutes, is_refused):
    """Nobody knows what a price did while there were no candles, and coins have risen tenfold in a day."""
    raw = RawCandles.from_table(random_candles(200, gap_at=150), "a.csv")
    raw.rows.loc[150:, list(PRICES)] *= factor
    raw.rows.loc[150:, "timestamp"] += pd.Timedelta(minutes=minutes - 101)
    told = pytest.raises(DataError, match=r"^a.csv, row 151: price is ")
    with told if is_refused else nullcontext():
        check_levels(raw.rows, raw, MINUTE, 15)
