"""What names of files say: order, days, interval, and which of two was written later."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.market.names import find_interval, find_period, later_of, natural_key


@given(numbers=st.lists(st.integers(0, 10**6), unique=True))
def test_names_sort_as_their_numbers(numbers):
    """However many digits they have."""
    names = sorted((f"export_{number}.csv" for number in numbers), key=natural_key)
    assert names == [f"export_{number}.csv" for number in sorted(numbers)]


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("BTCUSDT-1m-2024-02.zip", "2024-02-01", "2024-02-29"),
        ("BTCUSDT-1m-2024-12-31.zip", "2024-12-31", "2024-12-31"),
        ("btc_20240105.csv", "2024-01-05", "2024-01-05"),
        ("btc_2012-01-01_to_2021-03-31.csv", "2012-01-01", "2021-03-31"),
        ("BTC-USD-2018.csv.gz", "2018-01-01", "2018-12-31"),
    ],
)
def test_the_days_of_a_name(name, first, last):
    """A day, a month, a year, or from one to another; the format's ending has none."""
    assert tuple(map(str, find_period(Path(name)))) == (first, last)


@pytest.mark.parametrize(
    "name", ["export_10.csv", "1m.parquet", "XBTUSD_1.csv", "x-2021-02-30.csv", "1704067200.csv"]
)
def test_a_name_without_days(name):
    """Other numbers are none, and no day that the calendar lacks."""
    assert find_period(Path(name)) is None


@pytest.mark.parametrize(
    ("name", "minutes"),
    [
        ("BTCUSDT-60m.csv", 60),
        ("Bitstamp_BTCUSD_1h.csv", 60),
        ("btcusd_1-min_data.csv", 1),
        ("5min.csv", 5),
        ("BTC_1d.csv", 1440),
        ("BTC_USDT-1h-futures.feather", 60),
        ("BTC-1M.csv", 1),
        ("1m_from_5m.csv", None),
        ("candles.csv", None),
        ("XBTUSD_60.csv", None),
        ("v1.csv", None),
    ],
)
def test_the_interval_of_a_name(name, minutes):
    """Where it says one, and one only."""
    assert find_interval(Path(name)) == minutes


@pytest.mark.parametrize(
    ("later", "earlier"),
    [
        ("X-2020-12-21.zip", "X-2020-12.zip"),
        ("X-2020-12.zip", "X-2020.zip"),
        ("X-1m-2020-12-21.zip", "X-1m-2020-12.csv"),
        ("b_2020-02-01_to_2020-04-01.csv", "b_2020-01-01_to_2020-03-01.csv"),
        ("export_10.csv", "export_2.csv"),
        ("candles (1).csv", "candles.csv"),
        ("part-2.parquet", "part-1.parquet"),
        ("raw/12/1.json", "raw/2/7.json"),
    ],
)
def test_which_file_was_written_later(later, earlier):
    """The shorter of two periods one within the other, the one that ends later, the higher number."""
    assert later_of(Path(later), Path(earlier)) == later_of(Path(earlier), Path(later)) == Path(later)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.csv", "b.csv"),
        ("XBTUSD_1.csv", "XBTUSD_60.csv"),
        ("BTC-1m.csv", "BTC-5m.csv"),
        ("old_3.csv", "new_2.csv"),
    ],
)
def test_names_that_dont_say_which_was_later(one, other):
    """Other words, and numbers that may be an interval."""
    assert later_of(Path(one), Path(other)) is None
