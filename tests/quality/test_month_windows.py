"""What an audit of one month's rows is given: all that it may look at, and nothing else matters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.ledger import History, cut_positions
from tapeline.quality.month_windows import share_of_each, window_of
from tests.candles import random_candles, with_gaps

REACH = 70
OWN, LEADER = with_gaps(random_candles(3000, seed=1, gap_at=700), 0.1), random_candles(3000, seed=2)
HISTORY, ALONE = History("A", OWN, LEADER), History("A", OWN, OWN)


@given(
    begin=st.integers(0, 2800), length=st.integers(1, 400), back=st.integers(0, 50), ahead=st.integers(1, 70),
    at=st.floats(0, 1), is_alone=st.booleans(),
)  # fmt: skip
def test_parts_within_reach_are_those_of_all_history(begin, length, back, ahead, at, is_alone):
    """Candle for candle, and of the leader what is known at any of them."""
    history = ALONE if is_alone else HISTORY
    stop = min(begin + length, len(OWN) - 1)
    begin = min(begin, stop - 1)
    window = window_of(history, begin, stop, REACH)
    cut = begin + int(at * (stop - 1 - begin))
    first, after = max(cut - back, 0), min(cut + ahead, len(OWN))
    off = begin - window.asked[0]
    part, whole = window.part(first - off, after - off), history.part(first, after)
    pd.testing.assert_frame_equal(part.candles, whole.candles)
    known = whole.leader[whole.leader["timestamp"] >= part.leader["timestamp"].min()]
    pd.testing.assert_frame_equal(part.leader, known.reset_index(drop=True))
    assert len(part.leader) >= min(len(whole.leader), after - first)
    assert (window.leader is window.candles) == is_alone


@given(row=st.integers(0, 2999), is_leader=st.booleans())
def test_candles_within_reach_move_the_draws_and_others_do_not(row, is_leader):
    """Of both symbols: the hash that months are known by is of them all."""
    table = LEADER if is_leader else OWN
    row = min(row, len(table) - 1)
    moved = table.assign(close=table["close"].where(table.index != row, table["close"] * 1.0001))
    other = History("A", OWN, moved) if is_leader else History("A", moved, LEADER)
    one, another = (window_of(each, 1000, 1500, REACH) for each in (HISTORY, other))
    times = one.candles["timestamp"]
    time = table["timestamp"].iloc[row]
    is_within = times.iloc[0] <= time <= times.iloc[-1]
    if is_within:
        assert one.digest != another.digest
    elif time > times.iloc[-1] or time < times.iloc[0] - pd.Timedelta(minutes=5):
        assert one.digest == another.digest


@given(n_rows=st.lists(st.integers(0, 30), max_size=12), n_cuts=st.integers(1, 60))
def test_months_share_draws_so_that_no_fewer_come_out_than_are_asked_for(n_rows, n_cuts):
    """Or all there are; and with one less each there would be too few."""
    share = share_of_each(n_rows, n_cuts)
    drawn = [sum(min(each, n) for n in n_rows) for each in (share, share - 1)]
    assert drawn[0] >= min(n_cuts, sum(n_rows))
    if share > -(-n_cuts // max(1, len(n_rows))):
        assert drawn[1] < min(n_cuts, sum(n_rows))


@pytest.mark.parametrize("n_cuts", [1, 2, 5, 12])
def test_draws_lie_in_the_month_and_find_its_ends_over_time(params, n_cuts):
    """Few as they are, its first row and its last are among them for some candles."""
    asked, ends = params.model_copy(update={"leak_cuts": n_cuts}), set()
    for seed in range(40):
        window = window_of(HISTORY, 1000, 1400, REACH)
        seeded = asked.model_copy(update={"seed": seed})
        cuts = cut_positions(window, REACH, seeded, "truncation", 5)
        assert len(cuts) == n_cuts
        rows = cuts + 1000 - window.asked[0]
        assert ((rows >= 1000) & (rows < 1400)).all()
        ends |= {1000, 1399} & set(rows.tolist())
        assert np.array_equal(cuts, cut_positions(window, REACH, seeded, "truncation", 5))
    assert ends == {1000, 1399}
