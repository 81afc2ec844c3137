"""The derived columns against plain loops over the candles."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.quality.derived import (
    SIGMA_WINDOW,
    column_table,
    summary_of,
    with_candle_columns,
    with_gap_column,
    with_time_columns,
)

CLOSES = st.sampled_from([100.0, 101.0])
ROWS = st.lists(st.tuples(CLOSES, st.booleans(), st.booleans()), min_size=1, max_size=40)


def _table(rows, volume=0.0):
    close, is_filled, is_border = map(list, zip(*rows, strict=True))
    columns = dict.fromkeys(("open", "high", "low", "close"), close)
    return pd.DataFrame(
        {**columns, "volume": volume, "is_filled": is_filled, "segment": np.cumsum(is_border), "file": 0}
    )


def _walk(n, seed=0, borders=()):
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, n)))
    return _table([(price, False, row in borders) for row, price in enumerate(close)])


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


@given(ROWS, st.data())
def test_quiet_counts_traded_candles_without_volume(rows, data):
    """`quiet` is the count a loop makes: filled candles don't add, a volume or a new segment starts anew."""
    volumes = data.draw(st.lists(st.sampled_from([0.0, 2.0]), min_size=len(rows), max_size=len(rows)))
    expected, run = [], 0
    for (_, is_filled, is_border), volume in zip(rows, volumes, strict=True):
        run = 0 if is_border or volume > 0 else run
        run += not is_filled and volume == 0
        expected.append(run)
    assert with_candle_columns(_table(rows, volumes))["quiet"].tolist() == expected


def test_move_is_over_the_deviation_of_the_240_returns_before_it():
    """Each move is |log return| over the sample deviation of the returns before it, as a loop finds it."""
    border = 300
    table = _walk(700, borders=(border,))
    moves = with_candle_columns(table)["move"].to_numpy()
    for start, stop in ((0, border), (border, 700)):
        returns = np.diff(np.log(table["close"].to_numpy()[start:stop]))
        expected = [
            abs(returns[i]) / np.std(returns[i - SIGMA_WINDOW : i], ddof=1)
            for i in range(SIGMA_WINDOW, len(returns))
        ]
        assert np.isnan(moves[start : start + 1 + SIGMA_WINDOW]).all()
        np.testing.assert_allclose(moves[start + 1 + SIGMA_WINDOW : stop], expected, rtol=1e-9)


@given(st.integers(1, 599))
def test_columns_of_candles_know_no_later_candle(cut):
    """Cut off at any candle, moves and runs come out the same to the last bit; a sign of no look-ahead."""
    table = _walk(600, seed=3, borders=(280,))
    columns = ["move", "stale", "quiet"]
    whole, truncated = (with_candle_columns(part)[columns] for part in (table, table.iloc[:cut]))
    pd.testing.assert_frame_equal(whole.iloc[:cut], truncated, check_exact=True)


def test_move_without_a_deviation_to_measure_by_is_missing():
    """After 240 equal closes there is nothing to measure by; after one jump among them there is."""
    closes = np.full(600, 100.0)
    closes[300:] = 101.0
    moves = with_candle_columns(_table([(close, False, False) for close in closes]))["move"]
    assert np.isnan(moves[300])
    assert moves[301:541].tolist() == [0.0] * 240
    assert moves[541:].isna().all()


def test_a_price_that_is_not_positive_spoils_no_other_moves_but_those_that_follow():
    """Its own returns, and those measured by them, are missing; none is infinite."""
    table = _walk(900)
    table.loc[500, "close"] = 0.0
    moves = with_candle_columns(table)["move"]
    assert np.flatnonzero(moves.isna()).tolist() == [*range(241), *range(500, 742)]
    assert not np.isinf(moves).any()


def test_seam_is_the_move_onto_another_file_within_a_segment():
    """Measured by the returns before it, early in a segment by those after it, and nowhere else."""
    table = _walk(900, borders=(600,))
    table["file"] = np.repeat([0, 1, 2, 3], [100, 400, 100, 300])  # seams at rows 100 and 500, a gap at 600
    found = with_candle_columns(table)
    returns = np.diff(np.log(table["close"]), prepend=np.nan)
    assert np.flatnonzero(found["seam"].notna()).tolist() == [100, 500]
    assert found["seam"][100] == pytest.approx(abs(returns[100]) / returns[101:341].std(ddof=1), rel=1e-9)
    assert found["seam"][500] == found["move"][500]


def test_gaps_sum_to_the_share_of_the_span_without_candle():
    """Of ten five-minute candles the fourth to sixth are not there: three tenths, before the seventh."""
    minutes = np.array([0, 1, 2, 6, 7, 8, 9]) * 5
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(minutes, unit="min")
    gaps = with_gap_column(pd.DataFrame({"timestamp": times}), "5m")["gap"]
    np.testing.assert_allclose(gaps, [0, 0, 0, 0.3, 0, 0, 0])


def test_times_that_go_backwards_make_up_for_no_gap():
    """Of four minutes out of order, what lies between two rows in order is still missing."""
    times = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta([0, 3, 1, 2], unit="min")
    gaps = with_gap_column(pd.DataFrame({"timestamp": times}), "1m")["gap"]
    np.testing.assert_allclose(gaps, [0, 0.5, 0, 0])


@given(st.lists(st.sampled_from([(0.0, 1.0), (-0.0, 1.0), (1.0, 0.0), (2.0, 2.0)]), min_size=1, max_size=6))
def test_twins_are_the_first_column_with_equal_values(columns):
    """A column's twin is the one that comparing every pair finds; a constant has none."""
    table = pd.DataFrame({f"c{i}": values for i, values in enumerate(columns)})
    found = column_table(summary_of(table, list(table)))
    for i, values in enumerate(columns):
        equal = [k for k in range(i) if columns[k] == values]
        twin = f"equals c{equal[0]} in every row" if equal and values[0] != values[1] else None
        assert found[f"twin of c{i}"][0] == twin
        assert found[f"c{i}"].tolist() == [min(values), max(values)]


def test_missing_values_are_no_extremes_and_equal_each_other():
    """A column of nothing has neither extreme; columns that miss the same rows may be twins."""
    table = pd.DataFrame(
        {"a": [np.nan] * 3, "b": [np.nan, 1.0, 2.0], "c": [np.nan, 1.0, 2.0], "d": [1.0, np.nan, 2.0]}
    )
    found = column_table(summary_of(table, [*"abcd"]))
    assert found["a"].isna().all()
    assert found["twin of b"][0] is None
    assert found["twin of c"][0] == "equals b in every row"
    assert found["twin of d"][0] is None  # it misses another row


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
