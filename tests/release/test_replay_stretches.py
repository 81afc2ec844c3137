"""All of a test is replayed if it is affordable; of a longer one its end and what follows gaps."""

from itertools import pairwise

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tapeline.release.replay_stretches import choose_stretches, in_any

STEP = pd.Timedelta(minutes=1)


def rows(minutes, gaps=()):
    """One symbol's candles at these minutes."""
    start = pd.Timestamp("2026-01-01", tz="UTC")
    times = [start + minute * STEP for minute in minutes]
    return pd.DataFrame(
        {"symbol": "A", "timestamp": times, "is_after_gap": [minute in gaps for minute in minutes]}
    )


@given(
    minutes=st.lists(st.integers(0, 400), min_size=1, max_size=120, unique=True).map(sorted),
    gap_share=st.integers(1, 10),
    limit=st.integers(1, 150),
    twice=st.booleans(),
)
def test_never_more_than_the_limit_and_all_if_that_suffices(minutes, gap_share, limit, twice):
    """Of one symbol or two; stretches are in order and don't overlap."""
    table = rows(minutes, minutes[::gap_share])
    if twice:
        table = pd.concat([table, table.assign(symbol="B")], ignore_index=True)
    stretches = choose_stretches(table, limit, 5, 3, STEP)
    counted = [int(each.mask(table["timestamp"]).sum()) for each in stretches]
    assert sum(counted) == int(in_any(stretches, table["timestamp"]).sum())
    assert sum(counted) <= max(limit, 2)
    assert (sum(counted) == len(table)) == (len(table) <= limit) or limit < 2
    assert all(a.end <= b.start for a, b in pairwise(stretches))


def test_the_end_and_the_latest_gaps_are_taken():
    """Three quarters at the end; with the rest the candles after gaps and their warm-up, the latest first."""
    table = rows(range(1000), gaps=(100, 300, 500))
    stretches = choose_stretches(table, 200, 20, 5, STEP)
    chosen = table.loc[in_any(stretches, table["timestamp"])].index.tolist()
    assert chosen == [*range(300, 320), *range(500, 520), *range(850, 1000)]
