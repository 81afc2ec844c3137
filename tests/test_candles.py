"""The rules of a candle, against their definitions written out."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.candles import are_disordered, bar_numbers, count_missing, flat_candles, is_too_long
from tapeline.schema import OHLCV

PRICE = st.sampled_from([1.0, 2.0, 3.0, float("nan")])


@given(st.lists(st.tuples(PRICE, PRICE, PRICE, PRICE), min_size=1, max_size=8))
def test_high_is_the_greatest_and_low_the_least(candles):
    """Of many as of one; without an open or a close only high and low can contradict."""
    expected = [
        high < low or (o == o and c == c and (o < low or c < low or o > high or c > high))
        for o, high, low, c in candles
    ]
    assert are_disordered(*np.array(candles).T).tolist() == expected
    assert [bool(are_disordered(*candle)) for candle in candles] == expected


def test_a_gap_is_filled_or_cut_by_how_many_candles_are_missing():
    """None between neighbours; as many as `max_fill` are filled."""
    missing = count_missing(np.diff([0, 60, 240, 600]), 60)
    assert missing.tolist() == [0, 2, 5]
    assert is_too_long(missing, 2).tolist() == [False, False, True]
    assert count_missing(pd.Timedelta(minutes=5), pd.Timedelta(minutes=1)) == 4


def test_what_fills_a_gap_repeats_the_close_and_has_no_volume():
    """In the order of a candle's columns."""
    flat = flat_candles(np.array([3.5, 4.0]))
    assert tuple(flat) == OHLCV
    for name, values in flat.items():
        assert values.tolist() == ([0.0, 0.0] if name == "volume" else [3.5, 4.0])


@pytest.mark.parametrize("minutes", [1, 5, 60])
def test_a_bars_number_counts_candles_since_the_first(minutes):
    """Also before it; of times as they stand in tables."""
    first = pd.Timestamp("2026-03-01T12:00Z")
    times = pd.Series([first + k * pd.Timedelta(minutes=minutes) for k in (-2, 0, 1, 7)])
    numbers = bar_numbers(times.astype("datetime64[us, UTC]"), first, minutes)
    assert (numbers.dtype, numbers.tolist()) == (np.dtype("int64"), [-2, 0, 1, 7])
