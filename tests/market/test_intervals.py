"""Longer candles among those asked for: found however few, never in a quiet market."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.intervals import check_longer


def at(*minutes):
    """Times at `minutes` of 2024."""
    return pd.Series(pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.array(minutes), unit="min"))


def refused(name, times, interval="1m"):
    """The error."""
    with pytest.raises(DataError) as caught:
        check_longer([("a.csv", at(*range(100))), (name, times)], interval)
    return str(caught.value)


@pytest.mark.parametrize(("length", "n"), [(5, 9), (15, 5), (60, 3), (1440, 2)])
def test_a_short_file_of_a_longer_interval_is_named(length, n):
    """So few candles tell, since each lies on the longer grid."""
    times = at(*range(0, n * length, length))
    assert refused("b.csv", times) == f"b.csv: candles are mostly {length} minutes apart, data.interval is 1m"


@pytest.mark.parametrize("n", [1, 2])
def test_a_name_tells_where_candles_cant(n):
    """One hour, or two, and the name says 60m; minutes in a file named so are minutes."""
    told = "BTC-60m.csv: its name says candles of 60 minutes, data.interval is 1m"
    assert refused("BTC-60m.csv", at(*range(0, 60 * n, 60))) == told
    check_longer([("BTC-60m.csv", at(*range(100)))], "1m")
    check_longer([("BTC-1h.csv", at(0, 60, 120))], "1h")


@pytest.mark.parametrize(("length", "n"), [(5, 14), (5, 6), (60, 7), (60, 5)])
@pytest.mark.parametrize("is_behind", [True, False])
def test_rows_of_two_intervals_in_a_file_are_named_where_they_begin(length, n, is_behind):
    """Hours before the minutes, as a history put together of two, or behind them."""
    minutes, hours = np.arange(300), np.arange(n) * length
    times = [*minutes, *(hours + 300)] if is_behind else [*hours, *(minutes + n * length)]
    told = refused("b.csv", at(*times))
    row = 301 if is_behind else 1
    assert told.startswith(
        f"b.csv, row {row}: from 2024-01-01T0{5 if is_behind else 0}:00Z on candles are {length} "
    )


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10**6), share=st.floats(0.02, 1.0), n=st.integers(1, 3000))
def test_quiet_minutes_are_no_longer_interval(seed, share, n):
    """Whatever share of the minutes has a trade."""
    minutes = np.flatnonzero(np.random.default_rng(seed).random(n) < share)
    check_longer([("BTC-1m.csv", at(*minutes))], "1m")
