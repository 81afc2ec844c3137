"""The derived columns against plain loops over the candles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.derived import with_candle_columns, with_time_columns

ROWS = st.lists(
    st.tuples(st.sampled_from([100.0, 101.0]), st.booleans(), st.booleans()), min_size=1, max_size=40
)


def _table(rows):
    close, is_filled, is_border = map(list, zip(*rows, strict=True))
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame({**columns, "volume": 0.0, "is_filled": is_filled, "segment": np.cumsum(is_border)})


@given(ROWS)
def test_stale_counts_traded_candles_that_kept_the_close(rows):
    """`stale` is the count a loop makes: filled candles don't add, a new close or segment starts anew."""
    expected = []
    for i, (close, is_filled, is_border) in enumerate(rows):
        if i == 0 or is_border or close != rows[i - 1][0]:
            expected.append(0)
        else:
            expected.append(expected[-1] + (not is_filled))
    assert with_candle_columns(_table(rows))["stale"].tolist() == expected


@given(ROWS)
def test_move_is_zero_at_segment_starts(rows):
    """The jump over a gap is not a move."""
    table = _table(rows)
    table.loc[table["segment"].diff().eq(1), "close"] *= 2
    moved = with_candle_columns(table)
    at_start = table["segment"].diff().ne(0)
    assert not moved.loc[at_start, "move"].gt(0).any()


def test_move_is_in_standard_deviations_of_normal_returns():
    """On normal returns the robust unit is the standard deviation: |move| > 1 in 31.7 % of candles."""
    close = 100 * np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 50_000)))
    table = _table([(price, False, False) for price in close])
    assert with_candle_columns(table)["move"].gt(1).mean() == pytest.approx(0.317, abs=0.01)


@pytest.mark.parametrize(("interval", "minutes"), [("1m", 1), ("5m", 5), ("1h", 60)])
def test_time_columns_follow_the_interval(interval, minutes):
    """A row is on the grid at multiples of the interval, in step one interval after the row before."""
    offsets = np.array([0, 1, 2, 5, 6]) * minutes
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(offsets, unit="min")
    table = pd.DataFrame({"timestamp": times, "segment": [0, 0, 1, 2, 2]})
    late = table.assign(timestamp=times + pd.Timedelta(seconds=30))
    assert with_time_columns(table, interval)["is_on_grid"].all()
    assert not with_time_columns(late, interval)["is_on_grid"].any()
    # Row 2 starts a segment without a gap, row 3 after one.
    assert with_time_columns(table, interval)["is_in_step"].tolist() == [True, True, False, True, True]
