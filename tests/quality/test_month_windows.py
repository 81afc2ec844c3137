"""The candles that a month's audits are given: its rows, what is within reach, and nothing else."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.ledger import History, cut_positions
from tapeline.quality.month_windows import share_of_each, window_of
from tests.candles import random_candles

CANDLES = random_candles(300, seed=1, gap_at=70)
LEADER = random_candles(300, seed=2).assign(is_filled=lambda table: table.index.isin(range(95, 103)))
OF_TWO, OF_ITSELF = History("A", CANDLES, LEADER), History("A", CANDLES, CANDLES)


@pytest.mark.parametrize(
    ("begin", "stop", "reach"), [(0, 100, 20), (100, 200, 20), (119, 200, 20), (200, 300, 20), (100, 101, 0)]
)
def test_a_window_is_its_rows_and_those_within_reach(begin, stop, reach):
    """Counted by positions and, of the leader, by times: from its last real candle before the first."""
    window, times = window_of(OF_TWO, begin, stop, reach), OF_TWO.times
    around = range(max(0, begin - reach), min(300, stop + reach))
    assert window.times.tolist() == times[around].tolist()
    assert window.times[slice(*window.asked)].tolist() == times[begin:stop].tolist()
    real = OF_TWO.leader_times[~LEADER["is_filled"].to_numpy()]
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


@given(n_rows=st.lists(st.integers(0, 30), min_size=1, max_size=6), n_cuts=st.integers(1, 60))
def test_months_draw_as_many_in_all_as_are_asked_for(n_rows, n_cuts):
    """Or all that there are; with a candle a month fewer there would be too few."""
    share, wanted = share_of_each(n_rows, n_cuts), min(n_cuts, sum(n_rows))
    assert np.minimum(share, n_rows).sum() >= wanted
    if n_cuts <= sum(n_rows):
        assert np.minimum(share - 1, n_rows).sum() < n_cuts
