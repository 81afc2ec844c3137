"""Layouts: found where rows allow one alone, refused where they leave a doubt."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.settling import settle_layout
from tapeline.market.sheets import read_sheet
from tapeline.schema import OHLCV
from tests.candles import random_candles

CANDLES = random_candles(30)[["timestamp", *OHLCV]]
SECONDS = CANDLES["timestamp"].astype("int64") // 10**6
ORDERS = {
    "freqtrade": list(OHLCV),
    "bitfinex": ["open", "close", "high", "low", "volume"],
    "coinbase": ["low", "high", "open", "close", "volume"],
    "gate": ["volume", "close", "high", "low", "open"],
}


def headless(layout, rows=slice(None), name="a.csv"):
    """The candles in the order of `layout`, in milliseconds, without header."""
    if layout == "binance":
        table = CANDLES[list(OHLCV)].assign(close_time=SECONDS * 1000 + 59_999, **dict.fromkeys("abcde", 0.0))
    else:
        table = CANDLES[ORDERS[layout]]
    table = table.assign(time=SECONDS * 1000)[["time", *table.columns]].iloc[rows]
    return read_sheet(name, table.set_axis(range(table.shape[1]), axis=1), False)


def headed(name="a.csv", **renamed):
    """The candles with a header, columns renamed."""
    return read_sheet(name, CANDLES.rename(columns=renamed), True)


def assert_same(table):
    """The table holds CANDLES, bit by bit."""
    pd.testing.assert_frame_equal(table, CANDLES)


@pytest.mark.parametrize("layout", ["freqtrade", "bitfinex", "binance"])
@pytest.mark.parametrize("wanted", ["auto", "named"])
def test_headless_layouts_are_found_and_read(layout, wanted):
    """Each order gives the same candles, whether found or named."""
    sheet = headless(layout)
    assert settle_layout([sheet], "auto" if wanted == "auto" else layout) == layout
    assert_same(sheet.arrange(layout))


@pytest.mark.parametrize("time", ["timestamp", "date", "time", "datetime", "Date", " TIMESTAMP "])
def test_canonical_headers_are_found_in_any_case_and_order(time):
    """Columns are found by name; others beside them are let be."""
    shuffled = CANDLES.rename(columns={"timestamp": time, "open": "Open", "volume": "VOLUME"})
    shuffled = shuffled.assign(symbol="BTC").iloc[:, [3, 6, 5, 0, 2, 4, 1]]
    sheet = read_sheet("a.csv", shuffled, True)
    assert settle_layout([sheet], "auto") == "canonical"
    assert_same(sheet.arrange("canonical"))


@pytest.mark.parametrize("name", ["open_time", "Open time"])
def test_a_binance_header_is_told_by_its_open_time(name):
    """The dumps since 2025 have a header."""
    sheet = headed(timestamp=name)
    assert settle_layout([sheet], "auto") == "binance"
    assert_same(sheet.arrange("binance"))


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
@pytest.mark.parametrize("kind", ["int64", "float64", "str"])
def test_epochs_are_told_by_their_size(per_second, kind):
    """Seconds to nanoseconds, as numbers or as their text, give the same times."""
    table = CANDLES.assign(timestamp=(SECONDS * per_second).astype(kind))
    assert_same(read_sheet("a.csv", table, True).arrange("canonical"))


@settings(max_examples=60, deadline=None)
@given(second=st.integers(631_152_000, 4_102_444_799), unit=st.integers(0, 3))
def test_no_epoch_between_1990_and_2100_is_mistaken(second, unit):
    """Each second in each unit is read as itself; units may change within a file, as Binance's did."""
    table = CANDLES.iloc[:2].assign(timestamp=[second * 1000**unit, 1_500_000_000])
    times = read_sheet("a.csv", table, True).times
    assert times.tolist() == [
        pd.Timestamp(second, unit="s", tz="UTC"),
        pd.Timestamp(1_500_000_000, unit="s", tz="UTC"),
    ]


@pytest.mark.parametrize(
    "text",
    ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%d %H:%M UTC", "%Y-%m-%dT%H:%M:%S.000+0000"],
)
def test_iso_times_with_a_zone_are_read(text):
    """Z, UTC and offsets say which moment is meant."""
    table = CANDLES.assign(timestamp=CANDLES["timestamp"].dt.strftime(text))
    assert_same(read_sheet("a.csv", table, True).arrange("canonical"))


def test_other_zones_are_turned_to_utc():
    """An offset, fixed or of a place with summer time, is taken off."""
    prague = CANDLES["timestamp"].dt.tz_convert("Europe/Prague")
    assert_same(read_sheet("a.csv", CANDLES.assign(timestamp=prague), True).arrange("canonical"))
    texts = prague.map(lambda time: time.isoformat())
    assert texts[0].endswith("+01:00")
    assert_same(read_sheet("a.csv", CANDLES.assign(timestamp=texts), True).arrange("canonical"))


@pytest.mark.parametrize(
    "times",
    [
        CANDLES["timestamp"].dt.tz_localize(None),
        CANDLES["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"),
        CANDLES["timestamp"].dt.strftime("%Y-%m-%d"),
        CANDLES["timestamp"].dt.date,
    ],
    ids=["datetimes", "texts", "days", "dates"],
)
def test_times_without_zone_are_an_error(times):
    """Nobody knows which moment a time without zone is."""
    with pytest.raises(DataError, match=r"^a.csv, row 1: timestamp is '2025-03-28.*', a time without zone"):
        read_sheet("a.csv", CANDLES.assign(timestamp=times), True)


def test_one_time_without_zone_is_found_among_many():
    """The error names the row."""
    texts = CANDLES["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    texts[6] = texts[6].removesuffix("Z")
    with pytest.raises(DataError, match=r"^a.csv, row 7: .*without zone"):
        read_sheet("a.csv", CANDLES.assign(timestamp=texts), True)


@pytest.mark.parametrize(
    ("value", "why"),
    [("soon", "no ISO 8601 time"), (0, "no epoch"), (151_476_480_000, "no epoch"), (np.inf, "no epoch")],
)
def test_what_is_no_time_is_an_error(value, why):
    """Text, a lost digit or infinity in place of a time is told with its row."""
    texts = CANDLES["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    times = (texts if isinstance(value, str) else SECONDS).astype(object)
    times[3] = value
    times = times.astype("str") if isinstance(value, str) else times.astype("float64")
    with pytest.raises(DataError, match=rf"^a.csv, row 4: timestamp is '{value}.*{why}"):
        read_sheet("a.csv", CANDLES.assign(timestamp=times), True)


def test_empty_cells_are_kept_for_cleaning():
    """A missing time or number is NaT or NaN, which cleaning rejects and counts."""
    times = SECONDS.astype("float64")
    times[2] = np.nan
    opens = CANDLES["open"].astype("str").astype(object)
    opens[5] = None
    sheet = read_sheet("a.csv", CANDLES.assign(timestamp=times, open=opens), True)
    assert np.flatnonzero(sheet.times.isna()).tolist() == [2]
    assert np.flatnonzero(np.isnan(sheet.numbers[:, 0])).tolist() == [5]
    assert sheet.numbers[4, 0] == CANDLES["open"][4]


@pytest.mark.parametrize("value", ["twelve", "1,5", True, [1.0], {"price": 1.0}])
def test_what_is_no_number_is_an_error(value):
    """The first cell that is no number is told with column and row."""
    closes = CANDLES["close"].astype(object)
    closes[8] = value
    with pytest.raises(DataError, match=r"^a.csv, row 9: close is .*no number"):
        read_sheet("a.csv", CANDLES.assign(close=closes), True)


@pytest.mark.parametrize("kind", ["bool", "datetime64[us]"])
def test_columns_of_another_type_are_no_numbers(kind):
    """A column of booleans or dates isn't silently turned into prices."""
    with pytest.raises(DataError, match=r"^a.csv, row 1: column 3 is .*no number"):
        table = CANDLES.assign(timestamp=SECONDS, high=CANDLES["high"].astype("int64").astype(kind))
        read_sheet("a.csv", table.set_axis(range(6), axis=1), False)


def test_missing_and_doubled_columns_are_named():
    """The header must hold each of the six once."""
    with pytest.raises(
        DataError, match=r"^a.csv: lacks volume; its columns are timestamp, open, high, low, close; say"
    ):
        read_sheet("a.csv", CANDLES.drop(columns="volume"), True)
    with pytest.raises(
        DataError, match=r"^a.csv: lacks a time \(timestamp, .*\), open; its columns are when, first"
    ):
        headed(timestamp="when", open="first")
    with pytest.raises(DataError, match=r"holds open together"):
        read_sheet("a.csv", CANDLES.assign(Open=1.0), True)


def test_unknown_widths_and_empty_files_are_errors():
    """The error lists the known widths, as the list of layouts has them."""
    with pytest.raises(
        DataError, match=r"^a.csv: has no header and 5 columns; known are 6 .*, 12 \(binance\)"
    ):
        read_sheet("a.csv", CANDLES.iloc[:, :5].set_axis(range(5), axis=1), False)
    with pytest.raises(DataError, match=r"^a.csv: holds no row$"):
        read_sheet("a.csv", CANDLES.iloc[:0], True)


def flat(name="flat.csv"):
    """Candles without range, which fit every order."""
    table = CANDLES.assign(timestamp=SECONDS, **dict.fromkeys(("high", "low", "close"), CANDLES["open"]))
    return read_sheet(name, table.set_axis(range(6), axis=1), False)


def test_rows_that_fit_two_orders_are_refused_where_they_make_other_candles():
    """Opens at one extreme and closes at the other: the error names the layouts and a way out that works."""
    table = CANDLES.assign(timestamp=SECONDS)[["timestamp", "low", "high", "high", "low", "volume"]]
    sheet = read_sheet("a.csv", table.set_axis(range(6), axis=1), False)
    with pytest.raises(
        DataError, match=r"^a.csv: every row fits bitfinex and coinbase alike, set data.layout to one$"
    ):
        settle_layout([sheet], "auto")
    assert settle_layout([sheet], "bitfinex") == "bitfinex"
    assert settle_layout([sheet], "coinbase") == "coinbase"


def test_rows_that_are_the_same_candles_in_every_order_are_read():
    """A flat candle has one price: there is nothing to tell apart."""
    layout = settle_layout([flat()], "auto")
    flat_rows = CANDLES.assign(**dict.fromkeys(("high", "low", "close"), CANDLES["open"]))
    pd.testing.assert_frame_equal(flat().arrange(layout), flat_rows)


def test_one_telling_row_decides_for_the_flat_ones():
    """Flat files take the layout of a file that can tell, wherever it comes."""
    assert settle_layout([flat(), headless("bitfinex", slice(1)), flat()], "auto") == "bitfinex"


def test_rows_that_fit_neither_order_are_refused():
    """Rows of both orders in one file name the row that speaks against each."""
    sheet = headless("freqtrade")
    sheet.numbers[4] = headless("bitfinex").numbers[4]
    told = r"^a.csv: row 5 is not freqtrade, row 1 is not bitfinex, .*; set data.layout to freqtrade to have"
    with pytest.raises(DataError, match=told):
        settle_layout([sheet], "auto")
    assert settle_layout([sheet], "freqtrade") == "freqtrade"


@pytest.mark.parametrize("other", ["freqtrade", "binance", "canonical"])
def test_two_layouts_in_one_symbol_are_an_error(other):
    """Files that differ are both named, flat files between them or not."""
    second = headed("b.csv") if other == "canonical" else headless(other, name="b.csv")
    with pytest.raises(DataError, match=rf"^b.csv: has layout {other}, but a.csv has bitfinex"):
        settle_layout([flat(), headless("bitfinex"), second][other != "freqtrade" :], "auto")


@pytest.mark.parametrize(("rows", "named"), [("freqtrade", "bitfinex"), ("bitfinex", "freqtrade")])
def test_a_named_layout_against_the_rows_is_an_error(rows, named):
    """Where most rows that can tell speak against the named order, it is wrong."""
    with pytest.raises(DataError, match=rf"^a.csv, row 1: .* 30 of 30 rows .* data.layout {named} is wrong$"):
        settle_layout([headless(rows)], named)


def test_a_named_layout_against_header_or_width_is_an_error():
    """What header or width say can't be overruled."""
    with pytest.raises(DataError, match=r"^a.csv: is canonical by its header, data.layout is binance$"):
        settle_layout([headed()], "binance")
    with pytest.raises(
        DataError,
        match=r"^a.csv: is freqtrade or bitfinex or coinbase or gate by its number of columns, .* canonical$",
    ):
        settle_layout([headless("freqtrade")], "canonical")
    with pytest.raises(
        DataError, match=r"^a.csv: is binance by its number of columns, data.layout is bitfinex$"
    ):
        settle_layout([headless("binance")], "bitfinex")


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_auto_never_takes_the_wrong_order(data):
    """Of any real candles, few or many, flat or not, `auto` finds the true order or refuses."""
    prices = st.sampled_from([1.0, 1.5, 2.0, 2.5])
    rows = []
    for minute in range(data.draw(st.integers(1, 4))):
        open_, close, up, down = (data.draw(prices) for _ in range(4))
        rows.append(
            [
                (1_500_000_000 + 60 * minute) * 1000,
                open_,
                max(open_, close, up),
                min(open_, close, down),
                close,
                1.0,
            ]
        )
    order = data.draw(st.sampled_from(sorted(ORDERS)))
    table = pd.DataFrame(rows, columns=["timestamp", *OHLCV])
    written = table[["timestamp", *ORDERS[order]]]
    cells = pd.DataFrame(json.loads(json.dumps(written.to_numpy().tolist())))
    rivals = [cells.set_axis(["timestamp", *other], axis=1)[list(table)] for other in ORDERS.values()]
    is_open = any(is_possible(rival) and (rival.to_numpy() != table.to_numpy()).any() for rival in rivals)
    sheet = read_sheet("a.json", cells, False)
    if is_open:
        with pytest.raises(DataError, match="alike, set data.layout to one"):
            settle_layout([sheet], "auto")
    else:
        np.testing.assert_array_equal(sheet.values(settle_layout([sheet], "auto")), table[list(OHLCV)])


def is_possible(table):
    """Whether every open and close lies between low and high."""
    bodies = table[["open", "close"]]
    is_inside = (bodies.min(axis=1) >= table["low"]) & (bodies.max(axis=1) <= table["high"])
    return bool(is_inside.all())
