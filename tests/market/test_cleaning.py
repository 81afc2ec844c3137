"""Cleaning: what is repaired, rejected, filled and cut, and that every row is accounted for."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.raw import RawCandles
from tapeline.schema import CANDLE_TYPES, OHLCV, TIMESTAMP_TYPE
from tests.candles import random_candles

COUNTS = [
    "rows", "filled", "missing", "gaps", "longest_gap", "segments", "zero_volume", "zero_volume_longest",
    "price_decimals", "sorted", "duplicates", "conflicting", "rejected",
]  # fmt: skip


def data(**changes):
    """The section `data` with `changes`."""
    values = {
        "source": "files",
        "path": "raw",
        "layout": "auto",
        "columns": {},
        "timezone": None,
        "symbols": ["A"],
        "interval": "1m",
        "max_fill": 2,
        "max_filled_share": 0.2,
        "max_rejected_share": 1.0,
        "extra": {},
        "extra_path": "",
        "memory_gb": None,
        "workers": 1,
    }
    return DataParams(**{**values, **changes})


def raw(minutes, *, price=None, volume=1.0):
    """Flat candles at `minutes` after an hour of 2024, at `price` (default: 100 plus the row)."""
    close = np.arange(100.0, 100.0 + len(minutes)) if price is None else np.full(len(minutes), price)
    start = pd.Timestamp("2024-03-01T12:00:00Z")
    table = pd.DataFrame({"timestamp": [start + pd.Timedelta(minutes=float(m)) for m in minutes]})
    table["timestamp"] = table["timestamp"].astype(TIMESTAMP_TYPE)
    for column in ("open", "high", "low", "close"):
        table[column] = close
    table["volume"] = volume
    return RawCandles.from_table(table, "a.csv")


def minutes_of(candles):
    """Minutes of the table's times after noon."""
    return ((candles["timestamp"] - pd.Timestamp("2024-03-01T12:00:00Z")) // pd.Timedelta("1min")).tolist()


def test_clean_candles_pass_unchanged():
    """A sound table keeps every value, gets the canonical types and a card of zeros."""
    table = random_candles(500)
    cleaned = clean(RawCandles.from_table(table, "a.csv"), data())
    pd.testing.assert_frame_equal(cleaned.candles, table)
    assert cleaned.candles.dtypes.astype(str).to_dict() == CANDLE_TYPES
    assert cleaned.card == {
        "files": 1, "first": "2025-03-28T20:00:00Z", "last": "2025-03-29T04:19:00Z",
        **dict.fromkeys(COUNTS, 0), "rows": 500, "segments": 1, "price_decimals": 12,
    }  # fmt: skip
    assert list(cleaned.card) == ["files", "first", "last", *COUNTS]


def test_short_gaps_are_filled_and_long_ones_cut():
    """Two missing minutes are filled flat at the close before, three start a segment."""
    cleaned = clean(raw([0, 1, 4, 8, 9]), data(max_fill=2))
    candles = cleaned.candles
    assert minutes_of(candles) == [0, 1, 2, 3, 4, 8, 9]
    assert candles["is_filled"].tolist() == [False, False, True, True, False, False, False]
    assert candles["segment"].tolist() == [0, 0, 0, 0, 0, 1, 1]
    assert (candles.loc[2:3, ["open", "high", "low", "close"]] == 101.0).all(axis=None)
    assert candles["volume"].tolist() == [1, 1, 0, 0, 1, 1, 1]
    expected = {"rows": 5, "filled": 2, "missing": 3, "gaps": 2, "longest_gap": 3, "segments": 2}
    assert expected.items() <= cleaned.card.items()


def test_nothing_is_filled_when_max_fill_is_zero():
    """With max_fill 0 every missing candle starts a segment."""
    cleaned = clean(raw([0, 2, 3]), data(max_fill=0))
    assert cleaned.candles["segment"].tolist() == [0, 1, 1]
    assert cleaned.card["filled"] == 0


def test_duplicates_and_conflicts_are_told_apart():
    """Equal rows of one time are duplicates; of those that differ the one read last wins."""
    rows = raw([0, 0, 0, 1])
    rows.rows.loc[0, list(OHLCV)] = rows.rows.loc[2, list(OHLCV)]  # 102, 101, 102 at minute 0
    cleaned = clean(rows, data())
    assert cleaned.candles["close"].tolist() == [102.0, 103.0]
    assert (cleaned.card["duplicates"], cleaned.card["conflicting"]) == (1, 1)


def test_out_of_order_rows_are_sorted_and_counted():
    """A row earlier than one before it counts as sorted; its values stay its own."""
    cleaned = clean(raw([0, 3, 1, 2, 4]), data())
    assert minutes_of(cleaned.candles) == [0, 1, 2, 3, 4]
    assert cleaned.candles["close"].tolist() == [100.0, 102.0, 103.0, 101.0, 104.0]
    assert cleaned.card["sorted"] == 2


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("timestamp", pd.NaT, "no_time"),
        ("close", np.nan, "not_finite"),
        ("volume", np.inf, "not_finite"),
        ("low", 0.0, "price"),
        ("open", -1.0, "price"),
        ("volume", -0.5, "volume"),
        ("high", 50.0, "range"),
        ("open", 102.5, "body"),
        ("close", 99.5, "body"),
        ("timestamp", pd.Timestamp("2024-03-01T12:02:00.000001Z"), "off_grid"),
    ],
)
def test_an_impossible_row_is_rejected_by_its_reason(column, value, reason):
    """A row that can't be a candle is left out and counted; the hole it leaves is a gap like any other."""
    rows = raw([0, 1, 2, 3])
    rows.rows.loc[2, column] = value
    cleaned = clean(rows, data())
    assert {key: n for key, n in cleaned.card.items() if key.startswith("rejected_")} == {
        f"rejected_{reason}": 1
    }
    assert (cleaned.card["rows"], cleaned.card["filled"], cleaned.card["rejected"]) == (3, 1, 1)


def test_reasons_are_summed_and_each_row_counts_once():
    """The total is the sum of the reasons, although a row may have several faults."""
    rows = raw([0, 1, 2, 3, 4])
    rows.rows.loc[1, ["open", "volume"]] = [np.nan, -1.0]
    rows.rows.loc[2, "close"] = np.inf
    rows.rows.loc[3, "volume"] = -1.0
    card = clean(rows, data()).card
    assert (card["rejected"], card["rejected_not_finite"], card["rejected_volume"]) == (3, 2, 1)


def test_zero_volume_counts_real_candles_alone():
    """Fills have no volume either, and are not counted."""
    rows = raw([0, 1, 3])
    rows.rows.loc[1, "volume"] = 0.0
    card = clean(rows, data()).card
    assert (card["zero_volume"], card["filled"]) == (1, 1)


def test_the_longest_quiet_run_is_counted_over_gaps():
    """Real candles in a row without volume, what is missing between them left out."""
    rows = raw([0, 1, 2, 3, 9, 10, 11])
    rows.rows.loc[[0, 2, 3, 4, 6], "volume"] = 0.0
    card = clean(rows, data()).card
    assert (card["zero_volume"], card["zero_volume_longest"]) == (5, 3)


def test_a_candle_knows_its_file():
    """Of two rows of one time the one that stays; a filled candle is of the file before it."""
    rows = raw([0, 1, 1, 3])
    rows.rows["file"] = [0, 0, 1, 2]
    cleaned = clean(replace(rows, files=["1.csv", "2.csv", "3.csv"]), data())
    assert cleaned.candles["file"].tolist() == [0, 1, 1, 2]
    assert cleaned.card["files"] == 3


def test_too_many_rejected_rows_end_naming_the_first():
    """Above max_rejected_share the error names file, row, reason and both shares."""
    rows = raw(range(10))
    rows.rows.loc[[4, 7], "volume"] = -1.0
    assert clean(rows, data(max_rejected_share=0.2)).card["rejected"] == 2
    with pytest.raises(DataError, match=r"^a.csv, row 5: negative volume; 2 of 10 .* share of 0.19$"):
        clean(rows, data(max_rejected_share=0.19))


def test_too_many_conflicts_end_naming_both_rows():
    """Rows that contradict each other are as good as rejected: the share allowed is the same."""
    rows = raw([0, 1, 1, 2, 2, 3, 4, 5, 6, 7])
    assert clean(rows, data(max_rejected_share=0.2)).card["conflicting"] == 2
    told = r"^a.csv, row 2: a.csv, row 3 is another .*, close 101 and 102; 2 of 10 .* share of 0.19$"
    with pytest.raises(DataError, match=told):
        clean(rows, data(max_rejected_share=0.19))


def test_no_row_left_is_an_error():
    """A symbol of which nothing remains is not an empty table."""
    with pytest.raises(DataError, match=r"^a.csv, row 1: non-positive price; 2 of 2 .* no candle is left$"):
        clean(raw([0, 1], price=-1.0), data())
    with pytest.raises(DataError, match=r"^a.csv: holds no row$"):
        clean(raw([]), data())


def test_the_grid_is_the_interval():
    """Of five-minute candles, times that are no multiple of five minutes are rejected."""
    cleaned = clean(raw([0, 5, 7, 15]), data(interval="5m"))
    assert minutes_of(cleaned.candles) == [0, 5, 10, 15]
    assert cleaned.card["rejected_off_grid"] == 1


@settings(max_examples=settings.default.max_examples * 3 // 2, deadline=None)
@given(
    minutes=st.lists(st.integers(0, 60), min_size=1, max_size=60),
    prices=st.lists(st.sampled_from([1.0, 2.0, -1.0, np.nan]), min_size=60, max_size=60),
    max_fill=st.integers(0, 6),
)
def test_any_mess_becomes_a_sound_table(minutes, prices, max_fill):
    """Shuffled, repeated and missing rows: on the grid, segments cut exactly at long gaps, rows conserved."""
    rows = raw(minutes)
    for column in ("open", "high", "low", "close"):
        rows.rows[column] = prices[: len(minutes)]
    last = {m: p for m, p in zip(minutes, prices, strict=False) if p > 0}  # the one read last wins
    if not last:
        return
    cleaned = clean(rows, data(max_fill=max_fill))
    candles, card = cleaned.candles, cleaned.card

    expected, segment, close = [], 0, 0.0  # a plain walk over the minutes is the oracle
    for before, minute in zip([None, *sorted(last)], sorted(last), strict=False):
        missing = 0 if before is None else minute - before - 1
        if missing > max_fill:
            segment += 1
        else:
            expected += [(minute - missing + i, close, 0.0, True, segment) for i in range(missing)]
        close = last[minute]
        expected.append((minute, close, 1.0, False, segment))
    columns = (candles[name] for name in ("close", "volume", "is_filled", "segment"))
    assert list(zip(minutes_of(candles), *columns, strict=True)) == expected
    assert (candles[["open", "high", "low"]].eq(candles["close"], axis=0)).all(axis=None)
    assert candles.dtypes.astype(str).to_dict() == CANDLE_TYPES
    assert len(minutes) == card["rows"] + card["duplicates"] + card["conflicting"] + card["rejected"]
    assert card["rows"] + card["filled"] == len(candles)
    assert card["segments"] == segment + 1
    valid = [m for m, p in zip(minutes, prices, strict=False) if p > 0]
    assert card["sorted"] == sum(m < max(valid[: i + 1]) for i, m in enumerate(valid))


GAPPY = random_candles(60).drop(index=[*range(7, 12), 30, *range(40, 54)]).reset_index(drop=True)


@cache
def in_order():
    """What is made of the rows as they are."""
    return clean(RawCandles.from_table(GAPPY, "a.csv"), data())


@settings(deadline=None)
@given(order=st.permutations(range(40)), copies=st.lists(st.integers(0, 39), max_size=20))
def test_order_and_repetition_change_no_candle(order, copies):
    """Rows shuffled and given again are the same candles, gaps and all; only the card tells."""
    mixed = GAPPY.iloc[[*order, *copies]]
    expected, got = in_order(), clean(RawCandles.from_table(mixed, "a.csv"), data())
    pd.testing.assert_frame_equal(got.candles, expected.candles)
    assert got.card == expected.card | {
        "duplicates": len(copies),
        "sorted": got.card["sorted"],
    }
