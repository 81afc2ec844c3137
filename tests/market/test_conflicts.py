"""Rows of one time: the stated rules, told with both rows, and an end where no rule says which is right."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.conflicts import settle
from tapeline.market.raw import RawCandles
from tapeline.market.times import MINUTE
from tapeline.schema import OHLCV, TIMESTAMP_TYPE

START = pd.Timestamp("2024-01-01", tz="UTC")
PLAIN = (100, 101, 99, 100.5, 5)


def files(**rows):
    """Files by name (`__` is a dot): values by minute, or pairs of both."""
    tables = []
    for number, table in enumerate(rows.values()):
        pairs = list(table.items()) if isinstance(table, dict) else table
        frame = pd.DataFrame([values for _, values in pairs], columns=list(OHLCV), dtype="float64")
        moments = [START + pd.Timedelta(minutes=minute) for minute, _ in pairs]
        frame.insert(0, "timestamp", pd.Series(moments).astype(TIMESTAMP_TYPE))
        tables.append(frame.assign(file=number, row=np.arange(1, len(frame) + 1)))
    names = [name.replace("__", ".") for name in rows]
    return RawCandles(pd.concat(tables, ignore_index=True), names, "canonical")


def settled(raw, allowed=1.0):
    """What stays: close by minute; and the rest of the answer."""
    result = settle(raw, raw.rows, MINUTE, allowed)
    minutes = (result.kept["timestamp"] - START) // pd.Timedelta("1min")
    return dict(zip(minutes, result.kept["close"], strict=True)), result


def counts(result):
    """Candles settled, by rule."""
    return {finding.rule: finding.count for finding in result.findings}


def plain(minutes, **changes):
    """Plain candles at `minutes`; `at3=100.2` is the close at minute 3."""
    closes = {int(name[2:]): close for name, close in changes.items()}
    return {m: (100, 101, 99, closes.get(m, 100.5), 5) for m in minutes}


def test_the_day_corrected_after_its_month_was_packed_stays():
    """Whatever order the files are read in; both rows are told, and who won is counted."""
    day, month = plain(range(6), at3=100.2), plain(range(6))
    for names in (["a-2024-01-01.csv", "a-2024-01.csv"], ["a-2024-01.csv", "a-2024-01-01.csv"]):
        tables = [day if len(name) == 16 else month for name in names]
        raw = files(**dict(zip("ab", tables, strict=True)))
        raw.files[:] = names
        closes, result = settled(raw)
        assert closes[3] == 100.2
        assert (result.n_conflicting, result.n_duplicates) == (1, 5)
        assert counts(result) == {"settled_later_file": 1}
        assert result.findings[0].message == (
            "a-2024-01-01.csv, row 4: stays, not a-2024-01.csv, row 4 of the same time, close 100.2 and "
            "100.5: by their names its file was written later"
        )
        assert result.findings[0].files == (("a-2024-01-01.csv", "a-2024-01.csv", 1),)


def test_a_candle_that_was_open_when_its_file_was_written_goes():
    """Also where numbers say the other was written earlier."""
    half = (100.5, 100.5, 100.5, 100.5, 0.01)
    for names in (("export_2.csv", "export_10.csv"), ("export_2.csv", "export_1.csv"), ("a.csv", "b.csv")):
        raw = files(a={**plain(range(4)), 4: half}, b={4: (100.5, 102, 100, 101.7, 6), **plain(range(5, 9))})
        raw.files[:] = names
        closes, result = settled(raw)
        assert closes[4] == 101.7
        assert counts(result) == {"settled_unfinished": 1}


def test_the_last_candle_of_the_days_in_a_name_was_closed():
    """The day's file ends at its last minute as it should, and its correction there stays."""
    last = 1439
    raw = files(a=plain(range(last - 5, last + 1), at1439=100.2), b=plain(range(last - 5, last + 5)))
    raw.files[:] = ["a-2024-01-01.csv", "a-2024-01.csv"]
    assert settled(raw)[0][last] == 100.2


def test_the_higher_number_stays():
    """Ten after two, where neither candle is its file's last."""
    raw = files(a=plain(range(9), at4=100.1), b=plain(range(9), at4=100.9))
    for names, close in ((["x_2.csv", "x_10.csv"], 100.9), (["x_10.csv", "x_2.csv"], 100.1)):
        raw.files[:] = names
        assert settled(raw)[0][4] == close


def test_of_rows_of_one_file_the_last_read_stays():
    """Told and counted too."""
    closes, result = settled(files(a__csv=[(0, PLAIN), (0, (100, 101, 99, 100.1, 5)), (1, PLAIN)]))
    assert closes == {0: 100.1, 1: 100.5}
    assert counts(result) == {"settled_last_row": 1}
    assert result.findings[0].message.startswith(
        "a.csv, row 2: stays, not a.csv, row 1 of the same time, close 100.1 "
    )


def test_what_no_rule_settles_ends_naming_both_rows():
    """Two names that say nothing, however few rows differ."""
    told = (
        "^a.csv, row 4: b.csv, row 4 is another candle of the same time, close 100.2 and 100.5, and nothing"
    )
    with pytest.raises(DataError, match=told):
        settled(files(a__csv=plain(range(9), at3=100.2), b__csv=plain(range(9))))


@pytest.mark.parametrize(
    "names", [("x_1.csv", "x_2.csv"), ("XBTUSD_1.csv", "XBTUSD_60.csv"), ("a.csv", "b.csv")]
)
def test_one_hour_never_takes_a_minutes_place(names):
    """A single row can't tell its interval, but it is wider than the minute and trades more."""
    raw = files(a=plain(range(14)), b={0: (100, 140, 80, 130, 300)})
    raw.files[:] = names
    with pytest.raises(
        DataError, match="is another candle of the same time, close 100.5 and 130, and nothing says"
    ):
        settled(raw)


def test_hours_among_the_minutes_of_one_file_are_named():
    """They lie at every hour, and are wider than what they would replace."""
    minutes = [(minute, PLAIN) for minute in range(200)]
    hours = [(60 * hour, (100, 140, 80, 130, 300)) for hour in range(3)]
    told = (
        "^a.csv, row 201: is wider than a.csv, row 1 of the same time, as are 3 candles at every 60 minutes"
    )
    with pytest.raises(DataError, match=told):
        settled(files(a__csv=minutes + hours))


def test_more_conflicts_than_allowed_end_naming_both_rows():
    """Settled or not: files that differ so often are of two markets."""
    raw = files(a=plain(range(5), at1=100.2), b=plain(range(5)))
    raw.files[:] = ["x_1.csv", "x_2.csv"]
    assert settled(raw, 0.1)[1].n_conflicting == 1
    with pytest.raises(
        DataError, match=r"^x_1.csv, row 2: x_2.csv, row 2 .* close 100.2 and 100.5; 1 of 10 rows"
    ):
        settled(raw, 0.09)


@settings(deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 2), st.sampled_from([99.5, 100.0, 100.5])), min_size=1
    ),
    order=st.permutations(range(3)),
)
def test_who_wins_hangs_on_names_alone(rows, order):
    """Three numbered files in any order: one row a time, every row kept, equal to it, or counted."""
    tables = [
        [(m, (100, 101, 99, close, 5)) for m, file, close in rows if file == number] for number in range(3)
    ]
    kept = []
    for positions in (range(3), order):
        raw = files(**{f"f{position}": tables[position] for position in positions})
        raw.files[:] = [f"x_{position}.csv" for position in positions]
        closes, result = settled(raw)
        assert len(rows) == len(closes) + result.n_duplicates + result.n_conflicting
        assert sum(counts(result).values()) == result.n_conflicting
        kept.append(closes)
    assert kept[0] == kept[1]
