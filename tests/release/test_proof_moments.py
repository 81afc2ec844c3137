"""Where histories are cut, which moments are tried, and what differs between the two sides of a pair."""

from functools import cache

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tapeline.quality.replacement import Moves
from tapeline.release.proof_moments import Clock, Cut, lay_tiles, make_pair, special_bars
from tapeline.schema import OHLCV
from tests.candles import random_candles, with_gaps

MINUTE = 60_000_000
CUT = Cut(warm_up=40, zone=60, after=17, gap=16)


@cache
def market(n=3000, share=0.03, gap_at=1400):
    """Two symbols with gaps of their own, real candles alone."""
    tables = {}
    for seed, symbol in enumerate(("AAA", "BBB")):
        table = with_gaps(random_candles(n, seed, gap_at=gap_at), share, seed)
        tables[symbol] = table.loc[~table["is_filled"], ["timestamp", *OHLCV]].reset_index(drop=True)
    return tables


def microseconds(table):
    """Open times."""
    return table["timestamp"].to_numpy("datetime64[us]").view(np.int64)


@settings(max_examples=60)
@given(n_bars=st.integers(0, 5000), seed=st.integers(0, 2**32 - 1))
def test_tiles_lie_within_the_history_and_a_gap_apart(n_bars, seed):
    """Whatever is anchored; and where there is room for a tile there is one."""
    rng = np.random.default_rng(seed)
    anchors = rng.integers(0, max(n_bars, 1), 20)
    starts = lay_tiles(n_bars, CUT, anchors, rng)
    assert (np.diff(starts) >= CUT.length + CUT.gap).all()
    if n_bars >= CUT.length:
        assert len(starts) >= 1
        assert starts[0] >= 0
        assert starts[-1] + CUT.length <= n_bars
    else:
        assert len(starts) == 0


@settings(max_examples=8)
@given(seed=st.integers(0, 2**32 - 1))
@example(seed=4589977)  # a gap is made where a tile has hardly a candle before its moment
def test_both_sides_are_the_same_before_each_moment_and_others_after(seed):
    """By symbol and tile; the last candle stays at its time; the leader changes a candle earlier."""
    tables = market()
    clock = Clock.of(tables, MINUTE)
    moves = {symbol: Moves.of(table, MINUTE, 6) for symbol, table in tables.items()}
    pair = make_pair(tables, moves, clock, CUT, np.random.default_rng(seed))
    assert sum(pair.kinds.values()) == len(pair.starts)
    assert (pair.moments["BBB"] - pair.moments["AAA"] == MINUTE).all()
    for symbol in tables:
        base, changed = pair.base[symbol], pair.changed[symbol]
        for start, moment in zip(pair.starts, pair.moments[symbol], strict=True):
            begin, end = clock.time(start), clock.time(start + CUT.length)
            sides = [t[(microseconds(t) >= begin) & (microseconds(t) < end)] for t in (base, changed)]
            before = [t[microseconds(t) < moment].reset_index(drop=True) for t in sides]
            pd.testing.assert_frame_equal(*before)
            after = [t[microseconds(t) >= moment] for t in sides]
            if len(before[0]) and len(after[0]):
                assert microseconds(after[0])[-1] == microseconds(after[1])[-1]
                assert after[0]["close"].iloc[0] != after[1]["close"].iloc[0]
        held = np.concatenate([np.arange(start, start + CUT.length) for start in pair.starts])
        for side in (base, changed):
            assert np.isin(clock.bars(microseconds(side)), held).all()
            assert (np.diff(microseconds(side)) > 0).all()


def test_rare_moments_are_found_and_tried():
    """Clock changes, starts of segments, gaps and midnights: all are known, and some of each are tried."""
    tables = market(share=0.005)
    clock = Clock.of(tables, MINUTE)
    special = special_bars(tables, clock, 15)
    starts = {pd.Timestamp(clock.time(int(bar)), unit="us", tz="UTC") for bar in special["clock change"]}
    assert pd.Timestamp("2025-03-30T01:00Z") in starts  # Europe's summer time
    assert 1500 in special["segment start"]
    assert all(clock.time(int(bar)) % (1440 * MINUTE) == 0 for bar in special["midnight"])
    moves = {symbol: Moves.of(table, MINUTE, 6) for symbol, table in tables.items()}
    kinds: dict[str, int] = {}
    for seed in range(25):
        for kind, n in make_pair(tables, moves, clock, CUT, np.random.default_rng(seed)).kinds.items():
            kinds[kind] = kinds.get(kind, 0) + n
    assert {"any", "made gap", "gap border", "segment start", "clock change", "midnight"} <= set(kinds)
    assert kinds["any"] > sum(kinds.values()) / 3


def test_a_gap_is_made_right_before_some_moments():
    """In both runs alike, of candles that would be filled; the first candle after it stays at its time."""
    tables = market(share=0.0)
    clock = Clock.of(tables, MINUTE)
    moves = {symbol: Moves.of(table, MINUTE, 6) for symbol, table in tables.items()}
    n_made = 0
    for seed in range(8):
        pair = make_pair(tables, moves, clock, CUT, np.random.default_rng(seed))
        times, other = (microseconds(side["BBB"]) for side in (pair.base, pair.changed))
        for moment in pair.moments["BBB"]:
            at = np.searchsorted(times, moment)
            missing = (times[at] - times[at - 1]) // MINUTE - 1
            if times[at] == moment and 0 < missing < CUT.gap:
                n_made += 1
                assert moment in other
    assert n_made > 3
