"""Pages of candles: sorted, of one row a time, counted."""

import ccxt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.download.pages import Tally, read_page

STEP = 60_000
SPAN = (10 * STEP, 20 * STEP)


def row(minute, close=1.0):
    """A row as of ccxt."""
    return [int(minute * STEP), 1.0, 2.0, 0.5, close, 3.0]


def read(rows, limit=1000):
    """Minutes, closes, first minute and tally of a page."""
    tally = Tally()
    page = read_page(rows, SPAN, STEP, limit, tally)
    first = None if page.first is None else page.first / STEP
    return (page.times // STEP).tolist(), page.values[:, 3].tolist(), first, tally


def test_rows_out_of_order_are_sorted_and_counted():
    """A row behind a later one is out of order."""
    minutes, _, first, tally = read([row(12), row(11), row(10), row(13)])
    assert minutes == [10, 11, 12, 13]
    assert (first, tally) == (10, Tally(pages=1, unordered=2))


def test_of_rows_of_one_time_the_last_stays():
    """Equal ones are duplicates, others conflict."""
    _, closes, _, tally = read([row(10, 1.0), row(10, 2.0), row(11, 5.0), row(10, 1.0), row(11, 5.0)])
    assert closes == [1.0, 5.0]
    assert tally == Tally(pages=1, duplicates=2, conflicting=1, unordered=1)


def test_rows_outside_the_request_are_counted_and_left_out():
    """Before, behind, and off the grid."""
    minutes, _, first, tally = read([row(8), row(9), row(10.5), row(10.5), row(20), row(15), row(99)])
    assert (minutes, first) == ([15], 15)
    # The candle before was asked for, and a time off the grid counts once.
    assert tally == Tally(pages=1, outside=3, off_grid={int(10.5 * STEP)})
    assert read([row(9), row(25)])[:3] == ([], [], 25)


def test_a_row_without_a_number_is_kept_and_counted():
    """Ingest says which row it rejects and why."""
    _, closes, _, tally = read([row(10), row(11, None), row(11, None)])
    assert np.isnan(closes).tolist() == [False, True]
    assert tally == Tally(pages=1, incomplete=1, duplicates=1)


def test_an_empty_page_is_a_page():
    """It has no first candle."""
    assert read([]) == ([], [], None, Tally(pages=1))


@pytest.mark.parametrize("broken", [[None, 1.0, 1.0, 1.0, 1.0, 1.0], [10 * STEP, 1.0, 1.0], []])
def test_a_row_without_time_or_columns_is_a_bad_answer(broken):
    """The whole page is asked for again."""
    with pytest.raises(ccxt.BadResponse):
        read([row(10), broken])


def test_the_last_time_of_a_page_that_was_cut_is_left_to_the_next():
    """Where times repeat, the row that should win may have been cut off."""
    rows = [row(10, 1.0), row(10, 2.0), row(11, 1.0)]
    assert read(rows, limit=3)[:2] == ([10], [2.0])
    assert read(rows, limit=4)[:2] == ([10, 11], [2.0, 1.0])
    assert read([row(10), row(11)], limit=2)[0] == [10, 11]
    assert read([row(10), row(10)], limit=2)[0] == [10]


@given(st.lists(st.tuples(st.integers(5, 25), st.sampled_from([1.0, 2.0])), max_size=40))
def test_every_row_is_kept_or_counted(pairs):
    """Times rise strictly, values are the last given, and the counts add up to all rows."""
    minutes, closes, _, tally = read([row(*pair) for pair in pairs])
    expected = {minute: close for minute, close in pairs if 10 <= minute < 20}
    assert dict(zip(minutes, closes, strict=True)) == expected
    assert minutes == sorted(expected)
    n_before = sum(minute == 9 for minute, _ in pairs)  # asked for, in case that it is passed
    assert len(pairs) == len(minutes) + tally.duplicates + tally.conflicting + tally.outside + n_before
