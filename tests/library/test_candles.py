"""Own candles become canonical ones, filled and cut by hand-counted minutes; bad ones are refused."""

import numpy as np
import pandas as pd
import pytest

from tapeline.errors import ArgumentError, DataError
from tapeline.library.candles import canonical_candles, require_tables
from tapeline.schema import CANDLE_TYPES


def table(*minutes, zone="UTC", **columns):
    """Candles that open so many minutes after midnight; the close is 100 more than the minute."""
    times = pd.Timestamp("2024-01-01", tz=zone) + pd.to_timedelta(list(minutes), unit="min")
    close = 100.0 + np.array(minutes)
    return pd.DataFrame(
        {"timestamp": times, "open": close, "high": close, "low": close, "close": close, "volume": 2.0}
    ).assign(**columns)


def canonical(candles, max_fill=2, **options):
    """Of minutes."""
    return canonical_candles(candles, interval="1m", max_fill=max_fill, **options)


def test_candles_in_any_order_are_sorted_and_of_the_canonical_types():
    """Another zone's times are the same moments."""
    candles = canonical(table(2, 0, 1, zone="Europe/Prague"))
    assert candles["close"].tolist() == [100.0, 101.0, 102.0]
    assert candles["timestamp"].iloc[0] == pd.Timestamp("2023-12-31 23:00", tz="UTC")
    assert {name: str(dtype) for name, dtype in candles.dtypes.items()} == CANDLE_TYPES


def test_a_short_gap_is_filled_flat_and_a_long_one_begins_a_segment():
    """Two missing minutes at the close before, without volume; three are left out."""
    candles = canonical(table(0, 3, 4, 8))
    assert candles["close"].tolist() == [100, 100, 100, 103, 104, 108]
    assert candles["volume"].tolist() == [2, 0, 0, 2, 2, 2]
    assert candles["is_filled"].tolist() == [False, True, True, False, False, False]
    assert candles["segment"].tolist() == [0, 0, 0, 0, 0, 1]


def test_what_came_filled_is_filled_anew_by_the_rule_asked_for():
    """Where fewer may be filled it is a gap; the other columns of a canonical table are read over."""
    filled = canonical(table(0, 3))
    pd.testing.assert_frame_equal(canonical(filled), filled)
    assert canonical(filled, max_fill=1)["segment"].tolist() == [0, 1]
    with pytest.raises(ArgumentError, match="BTC has no rows"):
        canonical(table(0, 1, is_filled=True), name="BTC")


@pytest.mark.parametrize(
    ("candles", "message"),
    [
        (table(0, 1).drop(columns="volume"), "BTC has no column volume"),
        (table(0).iloc[:0], "BTC has no rows"),
        (table(0, 1, close=[1.0, np.nan]), "BTC, row 1: close is nan: must be a finite number"),
        (table(0, 1, 1), "BTC: 2024-01-01 00:01:00\\+00:00 is there more than once"),
        (table(0, 1).assign(timestamp=["a", "b"]), "BTC: timestamp is of dtype"),
        ([1, 2], "BTC is a list: must be a pandas DataFrame"),
    ],
)
def test_what_is_no_table_of_candles_is_refused_by_its_name(candles, message):
    """A column too few, no rows, no number, a time twice, no times, no table."""
    with pytest.raises(ArgumentError, match=message):
        canonical(candles, name="BTC")


def test_a_candle_that_contradicts_itself_is_an_error_and_not_repaired():
    """A high below the close; nothing is thrown away in silence."""
    with pytest.raises(DataError, match="BTC"):
        canonical(table(0, 1, 2, high=[100.0, 50.0, 102.0]), name="BTC")


def test_candles_of_another_interval_are_refused():
    """Five minutes apart, all of them, asked for as minutes."""
    with pytest.raises(DataError, match="interval is 1m"):
        canonical(table(*range(0, 500, 5)), name="BTC")


@pytest.mark.parametrize(
    ("options", "name"),
    [({"interval": "2m", "max_fill": 1}, "interval"), ({"interval": "1m", "max_fill": -1}, "max_fill")],
)
def test_a_rule_that_there_is_none_of_is_an_argument_error(options, name):
    """By the argument's own name."""
    with pytest.raises(ArgumentError, match=f"^{name} is "):
        canonical_candles(table(0), **options)


def test_candles_of_symbols_are_a_mapping_with_one_at_least():
    """Handed on as it is."""
    candles = {"BTC": table(0)}
    assert require_tables(candles) is candles
    with pytest.raises(ArgumentError, match="candles is a DataFrame: must be a mapping of symbols"):
        require_tables(table(0))
    with pytest.raises(ArgumentError, match="candles is empty"):
        require_tables({})
