"""Which candles an audit looks at, and what garbage is."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.ledger import History, cut_positions, with_garbage
from tests.quality.planted import HORIZON, REACH


def test_cuts_are_seeded_and_cover_borders(candles, params):
    """The same seed draws the same cuts, all with enough past, and segments' ends are among them."""
    history, segment = History("A", candles, candles), candles["segment"].to_numpy()
    cuts = cut_positions(history, REACH, params, "poison", HORIZON)
    assert cuts.tolist() == cut_positions(history, REACH, params, "poison", HORIZON).tolist()
    assert len(set(cuts)) == params.leak_cuts
    assert all((segment[cut - REACH + 1 : cut + 1] == segment[cut]).all() for cut in cuts)
    assert set(cuts) & {REACH - 1, 249, 250 + REACH - 1}
    other = cut_positions(history, REACH, params.model_copy(update={"seed": 8}), "poison", HORIZON)
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
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.arange(len(segment)) + 30 * segment, "min"
    )
    candles = pd.DataFrame({"timestamp": times, "segment": segment, "is_filled": False})
    possible = [i for i in range(len(segment) - 1) if list(segment[: i + 1]).count(segment[i]) >= reach]
    asked = params.model_copy(update={"leak_cuts": n_cuts})
    cuts = cut_positions(History("A", candles, candles), reach, asked, "poison", horizon).tolist()
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


def test_a_part_knows_no_filling_that_the_leaders_next_candle_decides(candles):
    """Behind the leader's last real candle there is nothing yet, whatever came of the gap."""
    leader = candles.assign(is_filled=candles.index.isin(range(50, 54)))
    history = History("A", candles, leader)
    for stop, last in ((50, 48), (51, 49), (52, 49), (55, 49), (56, 54)):
        part = history.part(20, stop)
        assert part.leader["timestamp"].iloc[-1] == candles["timestamp"].iloc[last]
    assert history.part(52, 60).leader["timestamp"].iloc[0] == candles["timestamp"].iloc[49]
    assert np.flatnonzero(history.is_silent).tolist() == [51, 52, 53, 54, 250]


@pytest.mark.parametrize("cut", [51, 53, 54])
def test_poison_ends_the_leaders_gap_otherwise(candles, cut):
    """Filled, it is left open; left open, it is filled; what was known before is as it was."""
    is_open = candles.index.isin(range(50, 54))
    filled, unfilled = candles.assign(is_filled=is_open), candles[~is_open].reset_index(drop=True)
    times, rng = candles["timestamp"], np.random.default_rng(0)
    now_open = History("A", candles, filled).poisoned_after(cut, rng).leader
    assert not now_open["timestamp"].isin(times[is_open]).any()
    assert now_open["segment"].iloc[49:51].diff().iloc[-1] == 1
    now_filled = History("A", candles, unfilled).poisoned_after(cut, rng).leader
    assert now_filled.loc[now_filled["is_filled"], "timestamp"].tolist() == times[50:cut].tolist()
    for changed in (now_open, now_filled):
        pd.testing.assert_frame_equal(changed.iloc[:50], candles.iloc[:50])
        assert list(changed.dtypes) == list(candles.dtypes)


def test_cuts_look_where_the_leader_is_silent(candles, params):
    """A few minutes without a trade of its own are not left to chance."""
    leader = candles.assign(is_filled=candles.index.isin((100, 101, 340)))
    cuts = cut_positions(History("A", candles, leader), REACH, params, "poison", HORIZON)
    assert set(cuts) & {101, 102, 341}


@given(start=st.integers(0, 300), length=st.integers(1, 90), shift=st.integers(-50, 50))
def test_a_part_knows_the_leaders_candles_before_its_last(start, length, shift):
    """From one before its first candle to one before its last, whatever the leader has."""
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(np.arange(400), unit="min")
    candles = pd.DataFrame({"timestamp": times, "segment": 0, "is_filled": False})
    leader = candles.assign(timestamp=times + pd.Timedelta(minutes=shift))
    part = History("A", candles, leader).part(start, start + length)
    assert part.candles["timestamp"].tolist() == times[start : start + length].tolist()
    first, last = times[start] - pd.Timedelta(minutes=1), part.candles["timestamp"].iloc[-1]
    wanted = [t for t in leader["timestamp"] if first <= t < last]
    assert part.leader["timestamp"].tolist()[-len(wanted) or 400 :] == wanted
    assert (part.leader["timestamp"] < last).all()


def test_audits_draw_rows_of_their_own_and_by_the_candles(candles, params):
    """Another audit, or the same on candles of which one has moved, looks elsewhere."""
    history = History("A", candles, candles)
    first = cut_positions(history, REACH, params, "poison", HORIZON).tolist()
    assert first != cut_positions(history, REACH, params, "truncation", HORIZON).tolist()
    moved = candles.assign(close=candles["close"].where(candles.index != 3, candles["close"] * 1.0001))
    assert first != cut_positions(History("A", moved, candles), REACH, params, "poison", HORIZON).tolist()
    assert first != cut_positions(History("A", candles, moved), REACH, params, "poison", HORIZON).tolist()


def test_cuts_look_beside_filled_candles_and_changes_of_clocks(params):
    """Where leaks hide that one row in thousands shows."""
    n = 6000
    times = pd.date_range("2026-03-28T00:00", periods=n, freq="min", tz="UTC", unit="us")
    candles = pd.DataFrame({"timestamp": times, "segment": 0, "is_filled": np.arange(n) == 4321})
    history = History("A", candles, candles)
    assert np.flatnonzero(history.is_beside_filled).tolist() == [4320, 4321, 4322]
    change = int(np.flatnonzero(times == pd.Timestamp("2026-03-29T01:00", tz="UTC"))[0])  # London's
    assert np.flatnonzero(history.is_clock_change).tolist() == [change - 1, change]
    asked = params.model_copy(update={"leak_cuts": 64})
    for audit in ("truncation", "poison", "streaming"):
        cuts = set(cut_positions(history, REACH, asked, audit, HORIZON).tolist())
        assert cuts >= {4320, 4321, 4322, change - 1, change}
