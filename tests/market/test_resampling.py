"""Longer candles from shorter ones: whole intervals, as counted by hand, and nothing made of nothing."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.raw import RawCandles
from tapeline.market.resampling import resample
from tapeline.market.times import MINUTE
from tapeline.schema import OHLCV
from tests.candles import random_candles
from tests.market.test_files import data, put, read_symbol

N = 120


def candles_at(minutes, seed=0):
    """Random one-minute candles at `minutes` after midnight, volumes whole."""
    table = random_candles(N, seed=seed).iloc[list(minutes)].reset_index(drop=True)
    table["timestamp"] = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(list(minutes), unit="min")
    table["volume"] = np.floor(1000 * table["volume"])
    return RawCandles.from_table(table, "a.csv").rows.astype({"timestamp": "datetime64[us, UTC]"})


def by_hand(rows, length, max_fill):
    """The longer candles, one after the other, by the rule: known from its first minute to its last."""
    known = {}
    for row in rows.itertuples():
        known[int((row.timestamp - pd.Timestamp("2024-01-01", tz="UTC")).total_seconds()) // 60] = row
    there = set(known)
    for first, second in zip(sorted(known), sorted(known)[1:], strict=False):
        if second - first - 1 <= max_fill:
            there |= set(range(first, second))
    built = []
    for begin in range(0, N, length):
        span = [known[minute] for minute in range(begin, begin + length) if minute in known]
        if span and set(range(begin, begin + length)) <= there:
            built.append(
                [
                    begin,
                    span[0].open,
                    max(row.high for row in span),
                    min(row.low for row in span),
                    span[-1].close,
                    sum(row.volume for row in span),
                    span[0].row,
                ]
            )
    return built


@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
@given(
    minutes=st.sets(st.integers(0, N - 1), min_size=1),
    length=st.sampled_from([5, 15, 60]),
    max_fill=st.integers(0, 20),
)
def test_longer_candles_are_those_counted_by_hand(minutes, length, max_fill):
    """Open of the first, extremes of all, close of the last, volumes summed; none where a part is unknown."""
    rows = candles_at(sorted(minutes))
    found = resample(rows, MINUTE, length * MINUTE, max_fill)
    times = (found.candles["timestamp"] - pd.Timestamp("2024-01-01", tz="UTC")) // pd.Timedelta("1min")
    table = np.column_stack([times, found.candles[[*OHLCV, "row"]]])
    expected = by_hand(rows, length, max_fill)
    np.testing.assert_array_equal(table, np.array(expected).reshape(-1, 7))
    begun = {minute // length for minute in minutes}
    assert found.n_partial == len(begun) - len(expected)
    whole = {int(row[0]) // length for row in expected}
    assert found.n_missing == sum(length - sum(m // length == k for m in minutes) for k in whole)


def test_minutes_are_read_where_five_minutes_are_asked(tmp_path):
    """From file to candles and card, beginning and ending within an interval, one minute missing."""
    rows = candles_at([*range(3, 50), *range(51, 118)])
    put(tmp_path / "A.csv", rows[["timestamp", *OHLCV]].to_csv(index=False))
    cleaned = clean(read_symbol(data(tmp_path, interval="5m"), "A"), data(tmp_path, interval="5m"))
    plain = (
        rows.set_index("timestamp")
        .resample("5min")
        .agg({"open": "first", "high": "max", "low": "min", "close": "last", "volume": "sum"})
    )
    expected = plain.iloc[1:-1].reset_index()
    pd.testing.assert_frame_equal(cleaned.candles[["timestamp", *OHLCV]], expected, check_exact=True)
    told = {key: cleaned.card[key] for key in cleaned.card if key.startswith("resampled")}
    assert told == {"resampled_from": "1m", "resampled_missing": 1, "resampled_partial": 2}


def test_a_file_of_the_longer_interval_beside_shorter_ones_is_refused(tmp_path):
    """Five minutes asked, and files of both: which candle would stand is nobody's guess."""
    rows = candles_at(range(N))
    put(tmp_path / "A/1.csv", rows[["timestamp", *OHLCV]].to_csv(index=False))
    later = rows["timestamp"] + pd.Timedelta("1D")
    longer = rows.assign(timestamp=pd.Timestamp("2024-01-02", tz="UTC") + 5 * (later - later[0]))
    put(tmp_path / "A/2.csv", longer[["timestamp", *OHLCV]].to_csv(index=False))
    with pytest.raises(
        DataError, match=r"2.csv: candles are mostly 5 minutes apart, others of the symbol 1m"
    ):
        read_symbol(data(tmp_path, interval="5m"), "A")


def test_candles_that_make_no_whole_interval_are_refused(tmp_path):
    """Forty minutes are no hour."""
    put(tmp_path / "A.csv", candles_at(range(40))[["timestamp", *OHLCV]].to_csv(index=False))
    asked = data(tmp_path, interval="1h")
    with pytest.raises(DataError, match=r"A.csv: holds no whole interval of 60 minutes in its candles of 1m"):
        clean(read_symbol(asked, "A"), asked)
