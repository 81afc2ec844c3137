"""The buffer that serving keeps and the streaming audit feeds: what is held, filled and given to features."""

from copy import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.features.buffer import MICROSECONDS, CandleBuffer, capacity

START = 29_000_000 * MICROSECONDS
GAPS = st.lists(st.integers(1, 8), min_size=1, max_size=30)


def values(k):
    """Prices and volume of the k-th candle, told apart by its close."""
    return np.array([100.0 + k, 200.0 + k, 50.0 + k, 150.0 + k, 1.0])


def fed(*minutes, keep=50, max_fill=3):
    """A buffer of candles at these minutes; the close is 150 and the minute."""
    buffer = CandleBuffer(keep, MICROSECONDS, max_fill)
    for minute in minutes:
        buffer.add_values(START + minute * MICROSECONDS, values(minute))
    return buffer


def closes(candles):
    """Minute after the start and close of each."""
    return list(zip((candles.minute - START // MICROSECONDS).tolist(), candles.close.tolist(), strict=True))


def test_a_filled_candle_repeats_the_close_before():
    """Of the candle before the gap, never of the one that ends it; without volume."""
    buffer = fed(0, 3)
    assert closes(buffer.candles(None, 4)) == [(0, 150), (1, 150), (2, 150), (3, 153)]
    assert buffer.rows[1:3].tolist() == [[150.0, 150.0, 150.0, 150.0, 0.0]] * 2
    assert buffer.is_filled.tolist() == [False, True, True, False]


@given(gaps=GAPS, max_fill=st.integers(0, 4), keep=st.integers(12, 40))
def test_what_is_held_is_what_one_would_write_down(gaps, max_fill, keep):
    """Minute by minute: real, filled, or the beginning of another stretch; the oldest are dropped."""
    minutes = np.cumsum([0, *gaps]).tolist()
    written, consecutive = [(0, False)], 1
    for before, minute in pairwise(minutes):
        is_filled = minute - before - 1 <= max_fill
        between = range(before + 1, minute) if is_filled else ()
        written += [*((k, True) for k in between), (minute, False)]
        consecutive = consecutive + len(between) + 1 if is_filled else 1
    buffer = fed(*minutes, keep=keep, max_fill=max_fill)
    held = list(zip(((buffer.time - START) // MICROSECONDS).tolist(), buffer.is_filled.tolist(), strict=True))
    assert held == written[-keep:]
    assert len(buffer) == min(consecutive, keep)
    assert buffer.has_dropped == (len(written) > keep)
    assert buffer.start == START + written[-min(consecutive, keep)][0] * MICROSECONDS


@given(gaps=GAPS, back=st.integers(0, 5))
def test_candles_further_back_are_those_that_were_the_newest_then(gaps, back):
    """What has come since changes nothing, the leader's closes included."""
    own, leader = fed(*range(6)), fed(0, 2, 3, keep=1000)  # of a leader far ahead nothing is dropped
    before, known = copy(own), copy(leader)
    for k in range(back):
        own.add_values(START + (6 + k) * MICROSECONDS, values(6 + k))
    for minute in np.cumsum([5, *gaps]):
        leader.add_values(START + int(minute) * MICROSECONDS, values(int(minute)))
    then, now = before.candles(known, 4), own.candles(leader, 4, back)
    for name in ("minute", "open", "high", "low", "close", "volume", "leader_close"):
        assert np.array_equal(getattr(then, name), getattr(now, name), equal_nan=True), name


def test_of_the_leader_the_close_before_is_given():
    """Never that of the same minute; of a gap the last one, until it is too old; its own for itself."""
    own = fed(*range(10))
    leader = fed(1, 2, 9)  # six are missing between, more than are filled
    expected = [np.nan, np.nan, 151, 152, 152, 152, 152, np.nan, np.nan, np.nan]
    assert np.array_equal(own.candles(leader, 10).leader_close, expected, equal_nan=True)
    assert np.array_equal(own.candles(None, 4).leader_close, [155, 156, 157, 158])


def test_a_candle_that_is_not_the_next_is_refused_and_changes_nothing():
    """Of the same minute or before it."""
    buffer = fed(0, 1, 4)
    for minute in (4, 3, 0):
        with pytest.raises(ValueError, match="is not after .*, the newest candle's open time"):
            buffer.add_values(START + minute * MICROSECONDS, values(9))
    assert closes(buffer.candles(None, 5)) == [(0, 150), (1, 151), (2, 151), (3, 151), (4, 154)]


def test_a_copy_stays_as_it_was():
    """As it is kept from before a candle that may be a stray; a cleared one holds nothing."""
    buffer = fed(0, 1)
    kept = copy(buffer)
    buffer.add_values(START + 3 * MICROSECONDS, values(3))
    assert (len(kept), len(buffer)) == (2, 4)
    buffer.clear()
    assert (len(kept), len(buffer), buffer.has_dropped) == (2, 0, False)


@given(lookback=st.integers(1, 6), n_rows=st.integers(1, 4), max_fill=st.integers(0, 3))
def test_the_capacity_is_enough_for_every_row_and_its_leader(lookback, n_rows, max_fill):
    """The worst case: the newest candle ends a gap, and all rows are computed anew from a silent leader."""
    keep = capacity(lookback, n_rows, max_fill)
    minutes = [*range(100), 100 + max_fill]
    own, leader = fed(*minutes, keep=keep, max_fill=max_fill), fed(keep=keep, max_fill=max_fill)
    whole = fed(*minutes, keep=1000, max_fill=max_fill)
    silent_from = 100 - n_rows - lookback
    for minute in [k for k in range(101 + max_fill) if not silent_from < k <= silent_from + max_fill]:
        leader.add_values(START + minute * MICROSECONDS, values(minute))
    everything = fed(*range(silent_from + 1), *range(silent_from + 1 + max_fill, 101 + max_fill),
                     keep=1000, max_fill=max_fill)  # fmt: skip
    for back in range(n_rows + max_fill):
        some, all_of_it = own.candles(leader, lookback, back), whole.candles(everything, lookback, back)
        assert np.array_equal(some.close, all_of_it.close)
        assert np.array_equal(some.leader_close, all_of_it.leader_close)
