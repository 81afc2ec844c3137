"""Candles as they arrive: what is taken, filled, refused, forgotten."""

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.features.buffer import MICROSECONDS, CandleBuffer
from tapeline.serving.buffer import Buffer
from tapeline.serving.candles import CandleError, read_candle, read_time, show

START = datetime(2026, 1, 5, 12, tzinfo=UTC)


def candle(minute=0, close=100.0, **changes):
    """A good candle, `minute` minutes after the start."""
    found = {"timestamp": START + timedelta(minutes=minute), "open": 99.0, "high": 101.0, "low": 98.0}
    return found | {"close": close, "volume": 5.0} | changes


def buffer(capacity=10, max_fill=3):
    """Of minutes."""
    return Buffer(capacity, MICROSECONDS, max_fill)


def test_the_newest_candles_are_kept():
    """No more than the capacity, in order."""
    kept = buffer(capacity=4)
    for k in range(9):
        assert kept.add(candle(k, 100 + k / 10)) == 0
    assert len(kept) == 4
    assert kept.rows[:, 3].tolist() == [100.5, 100.6, 100.7, 100.8]
    assert show(kept.time[-1]) == "2026-01-05T12:08:00Z"


def test_a_short_gap_is_filled_flat_and_a_long_one_begins_anew():
    """Filled candles repeat the close and have no volume."""
    kept = buffer()
    kept.add(candle(0, 100.5))
    assert kept.add(candle(3)) == 2
    assert kept.is_filled.tolist() == [False, True, True, False]
    assert kept.rows[1].tolist() == [100.5] * 4 + [0.0]
    assert kept.add(candle(8)) == 4
    assert len(kept) == 1
    assert show(kept.start) == "2026-01-05T12:08:00Z"


def test_text_is_taken_where_it_is_a_number():
    """As exchanges send them."""
    kept = buffer()
    kept.add(candle(0) | {"close": "99.5", "volume": "1e3"})
    assert kept.rows[0, 3:].tolist() == [99.5, 1000.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"close": math.nan}, "close is nan: must be a number above 0"),
        ({"close": 0}, "close is 0: must be a number above 0"),
        ({"high": math.inf}, "high is inf"),
        ({"volume": -1}, "volume is -1: must be a number of at least 0"),
        ({"open": "a"}, "open is 'a': must be a number"),
        ({"open": None}, "open is None: must be a number"),
        ({"open": True}, "open is True: must be a number"),
        ({"open": "1_0"}, "open is '1_0': must be a number"),
        ({"open": "\u0661\u0662"}, "must be a number"),
        ({"open": 10**400}, r"open is 1000000.*\.\.\.0*: must be a number"),
        ({"volume": 1.7e308}, "volume is 1.7e\\+308: must be a number of at least 0 and below 1e\\+30"),
        ({"timestamp": pd.NaT}, "timestamp is NaT: must be a time with a zone"),
        ({"low": 100.5}, "must lie between low 100.5 and high 101"),
        ({"timestamp": "today"}, "timestamp is 'today': must be a time with a zone"),
        ({"timestamp": 12}, "timestamp is 12: must be an epoch in s, ms, us, ns between 1990 and 2100"),
        ({"timestamp": None}, "timestamp is None: must be a time with a zone"),
        ({"timestamp": datetime(2026, 1, 5)}, "must be a time with a zone"),
        ({"timestamp": START + timedelta(seconds=30)}, "is not on the grid of 1 minutes"),
        ({"timestamp": START}, "2026-01-05T12:00:00Z is not after 2026-01-05T12:01:00Z: out of order"),
        ({"timestamp": START + timedelta(minutes=1)}, "out of order, or there already"),
    ],
)
def test_a_bad_candle_is_refused_and_nothing_changes(changes, message):
    """What, the value, what is allowed."""
    kept = buffer()
    kept.add(candle(0))
    kept.add(candle(1))
    before = kept.rows.copy()
    with pytest.raises(CandleError, match=message):
        kept.add(candle(2) | changes)
    assert np.array_equal(kept.rows, before)
    assert kept.add(candle(2)) == 0


def test_a_missing_field_is_named():
    """With all that a candle has."""
    with pytest.raises(
        CandleError, match="volume is missing: a candle has timestamp, open, high, low, close"
    ):
        buffer().add({name: value for name, value in candle().items() if name != "volume"})


def test_candles_of_another_interval_are_recognised():
    """Equal gaps from the first candle on: not a hole, another clock."""
    kept = buffer(max_fill=15)
    for minute in (0, 5, 10, 15):
        kept.add(candle(minute))
    for minute in (20, 30):
        with pytest.raises(
            CandleError, match="these look like 5-minute candles, and this model takes 1-minute ones"
        ):
            kept.add(candle(minute))
        assert len(kept) == 0
        kept.add(candle(minute + 5))


def test_equal_gaps_of_a_thin_market_are_no_other_interval():
    """Minutes without a trade may follow one another evenly; nothing is forgotten."""
    kept = buffer(capacity=40)
    for minute in (0, 1, 3, 5, 7, 9, 11):
        kept.add(candle(minute))
    assert len(kept) == 12


@given(gaps=st.lists(st.integers(1, 9), max_size=20), capacity=st.integers(1, 12))
def test_what_is_taken_is_kept_as_the_audited_buffer_keeps_it(gaps, capacity):
    """The streaming audit runs the buffer without the checks: they refuse, and change nothing else."""
    checked, audited = buffer(capacity), CandleBuffer(capacity, MICROSECONDS, 3)
    for k, minute in enumerate(np.cumsum([0, 1, *gaps]).tolist()):
        time, values = read_candle(candle(minute, 100 + k / 100), MICROSECONDS)
        assert checked.add(candle(minute, 100 + k / 100)) == audited.add_values(time, values)
        with pytest.raises(CandleError):
            checked.add(candle(minute))
        for name, kept in vars(audited).items():
            assert np.array_equal(vars(checked)[name], kept), name


def test_the_leader_is_known_one_candle_earlier():
    """Its close of the same minute is never seen; NaN where it has none yet, the last one in a gap."""
    own, leader = buffer(), buffer()
    for k in range(5):
        own.add(candle(k))
        if k:
            leader.add(candle(k, 100 + k / 10))
    before = own.candles(leader, 4).leader_close
    assert np.array_equal(before, [np.nan, 100.1, 100.2, 100.3], equal_nan=True)
    assert own.candles(None, 2).leader_close.tolist() == [100.0, 100.0]


@pytest.mark.parametrize(
    "value", ["2026-01-05T12:00:00Z", "2026-01-05T13:00:00+01:00", START, pd.Timestamp(START)]
)
def test_times_are_read_with_their_zone(value):
    """Text, datetime, pandas."""
    assert show(read_time(value)) == "2026-01-05T12:00:00Z"
