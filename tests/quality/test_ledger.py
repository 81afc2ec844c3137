"""Which candles an audit looks at, and what garbage is."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.ledger import History, cut_positions, with_garbage
from tests.quality.planted import HORIZON, REACH


def test_cuts_are_seeded_and_cover_borders(candles, params):
    """The same seed draws the same cuts, all with enough past, and segments' ends are among them."""
    segment = candles["segment"].to_numpy()
    cuts = cut_positions(segment, REACH, params, HORIZON)
    assert cuts.tolist() == cut_positions(segment, REACH, params, HORIZON).tolist()
    assert len(set(cuts)) == params.leak_cuts
    assert all((segment[cut - REACH + 1 : cut + 1] == segment[cut]).all() for cut in cuts)
    assert set(cuts) & {REACH - 1, 249, 250 + REACH - 1}
    other = cut_positions(segment, REACH, params.model_copy(update={"seed": 8}), HORIZON)
    assert cuts.tolist() != other.tolist()


@given(
    sizes=st.lists(st.integers(1, 60), min_size=1, max_size=8),
    reach=st.integers(1, 50),
    n_cuts=st.integers(1, 40),
    horizon=st.integers(1, 20),
)
def test_cuts_are_what_is_asked_for_or_all_there_are(params, sizes, reach, n_cuts, horizon):
    """Distinct, sorted, at most `leak_cuts`, and all possible rows when these are fewer."""
    segment = np.repeat(np.arange(len(sizes)), sizes)
    possible = [i for i in range(len(segment) - 1) if list(segment[: i + 1]).count(segment[i]) >= reach]
    asked = params.model_copy(update={"leak_cuts": n_cuts})
    cuts = cut_positions(segment, reach, asked, horizon).tolist()
    assert cuts == sorted(set(cuts))
    assert len(cuts) == min(n_cuts, len(possible))
    assert set(cuts) <= set(possible)


def test_garbage_is_candles_where_it_is_asked_for_alone(candles):
    """Prices keep their order, other rows and the table itself their values."""
    rows = np.array([3, 399])
    spoilt = with_garbage(candles, rows, np.random.default_rng(0))
    others = np.setdiff1d(np.arange(len(candles)), rows)
    pd.testing.assert_frame_equal(spoilt.iloc[others], candles.iloc[others])
    odd = spoilt.iloc[rows]
    assert (odd["close"] != candles["close"].iloc[rows]).all()
    assert (odd["low"] <= odd[["open", "close"]].min(axis=1)).all()
    assert (odd["high"] >= odd[["open", "close"]].max(axis=1)).all()


@given(start=st.integers(0, 300), length=st.integers(1, 90), shift=st.integers(-50, 50))
def test_a_part_knows_the_leaders_candles_before_its_last(start, length, shift):
    """From one before its first candle to one before its last, whatever the leader has."""
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(400), unit="min")
    candles = pd.DataFrame({"timestamp": times, "segment": 0})
    leader = pd.DataFrame({"timestamp": times + pd.Timedelta(minutes=shift)})
    part = History("A", candles, leader).part(start, start + length)
    assert part.candles["timestamp"].tolist() == times[start : start + length].tolist()
    first, last = times[start] - pd.Timedelta(minutes=1), part.candles["timestamp"].iloc[-1]
    wanted = [t for t in leader["timestamp"] if first <= t < last]
    assert part.leader["timestamp"].tolist()[-len(wanted) or 400 :] == wanted
    assert (part.leader["timestamp"] < last).all()
