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
CANDLES = random_candles(300, seed=1, gap_at=70)
FILLED = random_candles(300, seed=2).assign(is_filled=lambda table: table.index.isin(range(95, 103)))
OF_TWO, OF_ITSELF = History("A", CANDLES, FILLED), History("A", CANDLES, CANDLES)
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


@pytest.mark.parametrize(
    ("begin", "stop", "reach"), [(0, 100, 20), (100, 200, 20), (119, 200, 20), (200, 300, 20), (100, 101, 0)]
)
def test_a_window_is_its_rows_and_those_within_reach(begin, stop, reach):
    """Counted by positions and, of the leader, by times: from its last real candle before the first."""
    window, times = window_of(OF_TWO, begin, stop, reach), OF_TWO.times
    around = range(max(0, begin - reach), min(300, stop + reach))
    assert window.times.tolist() == times[around].tolist()
    assert window.times[slice(*window.asked)].tolist() == times[begin:stop].tolist()
    real = OF_TWO.leader_times[~FILLED["is_filled"].to_numpy()]
    before = real[real < times[around[0]]]
    since = before[-1] if before.size else real[0]
    known = [time for time in OF_TWO.leader_times if since <= time <= times[around[-1]]]
    assert window.leader_times.tolist() == known
    own = window_of(OF_ITSELF, begin, stop, reach)
    assert own.leader is own.candles


@pytest.mark.parametrize(("begin", "stop"), [(0, 100), (100, 200), (200, 300)])
def test_every_row_of_a_month_may_be_drawn_and_none_of_its_neighbours(begin, stop, params):
    """But the history's last, which nothing comes after."""
    every = params.model_copy(update={"leak_cuts": 1000})
    window = window_of(OF_TWO, begin, stop, 20)
    drawn = window.times[cut_positions(window, 1, every, "truncation")]
    assert drawn.tolist() == OF_TWO.times[begin : min(stop, 299)].tolist()
