"""Files: where they are looked for, every format, and one line for whatever is wrong with them."""

import gzip
import io
import json
import zipfile
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.market.cleaning import clean
from tapeline.market.data_params import DataParams
from tapeline.market.files import read_symbol
from tapeline.market.folders import find_files
from tapeline.schema import OHLCV
from tests.candles import random_candles

CANDLES = random_candles(30)[["timestamp", *OHLCV]]
HEADER = "timestamp,open,high,low,close,volume\n"
ROW = "1514764800,1,2,0.5,1.5,1\n"


def data(path, **changes):
    """The section `data` for the folder `path`, with `changes`."""
    values = {
        "source": "files",
        "path": str(path),
        "layout": "auto",
        "columns": {},
        "timezone": None,
        "symbols": ["A"],
        "interval": "1m",
        "max_fill": 15,
        "max_filled_share": 0.2,
        "max_rejected_share": 0.01,
        "extra": {},
        "extra_path": "",
        "memory_gb": None,
        "workers": 1,
    }
    return DataParams(**{**values, **changes})


def zipped(content, *names):
    """A zip archive with `content` under each of `names`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, content)
    return buffer.getvalue()


def encode(extension, candles=CANDLES):
    """`candles` as the bytes of a file with `extension`."""
    buffer = io.BytesIO()
    seconds = candles.assign(timestamp=candles["timestamp"].astype("int64") // 10**6)
    text = candles.to_csv(index=False).encode()
    arrays = json.dumps(seconds.to_numpy().tolist()).encode()
    if extension == "parquet":
        candles.to_parquet(buffer)
    elif extension == "feather":
        candles.to_feather(buffer)
    plain = {"csv": text, "csv.gz": gzip.compress(text), "json": arrays, "json.gz": gzip.compress(arrays)}
    plain |= dict.fromkeys(("zip", "csv.zip"), zipped(text, "a.csv"))
    return plain.get(extension, buffer.getvalue())


def put(path, content=b"x"):
    """Write `content` to `path`, its folders made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def refused(folder, **changes):
    """The error of reading symbol A, in one line."""
    with pytest.raises(DataError) as caught:
        read_symbol(data(folder, **changes), "A")
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(str(folder), "ROOT")


@pytest.mark.parametrize(
    "extension", ["parquet", "feather", "csv", "csv.gz", "csv.zip", "zip", "json", "json.gz"]
)
def test_every_format_gives_the_same_candles(tmp_path, extension):
    """Values come back bit by bit, with file and data row beside them."""
    put(tmp_path / f"A.{extension}", encode(extension))
    raw = read_symbol(data(tmp_path), "A")
    pd.testing.assert_frame_equal(raw.rows[["timestamp", *OHLCV]], CANDLES)
    assert raw.rows["row"].tolist() == list(range(1, 31))
    assert raw.layout == ("freqtrade" if "json" in extension else "canonical")
    assert raw.place(4) == f"{tmp_path}/A.{extension}, row 5"


def test_a_headless_csv_of_binance_is_read(tmp_path):
    """Twelve columns, microseconds, no header."""
    table = CANDLES.assign(
        timestamp=CANDLES["timestamp"].astype("int64"), close_time=0, a=1, b=2, c=3, d=4, e=0
    )
    put(tmp_path / "A.zip", zipped(table.to_csv(index=False, header=False), "AUSDT-1m.csv"))
    raw = read_symbol(data(tmp_path), "A")
    assert raw.layout == "binance"
    pd.testing.assert_frame_equal(raw.rows[["timestamp", *OHLCV]], CANDLES)


def test_arrays_of_bitfinex_are_read(tmp_path):
    """Small JSON files of milliseconds, open, close, high, low, volume, one after the other."""
    order = ["timestamp", "open", "close", "high", "low", "volume"]
    table = CANDLES.assign(timestamp=CANDLES["timestamp"].astype("int64") // 1000)[order]
    for number in range(3):
        put(
            tmp_path / f"A/{number}.json",
            json.dumps(table.iloc[number * 10 : number * 10 + 10].to_numpy().tolist()),
        )
    raw = read_symbol(data(tmp_path), "A")
    assert raw.layout == "bitfinex"
    pd.testing.assert_frame_equal(raw.rows[["timestamp", *OHLCV]], CANDLES)
    assert raw.place(20) == f"{tmp_path}/A/2.json, row 1"


def test_objects_and_texts_in_json_are_read(tmp_path):
    """JSON objects are canonical; numbers may be texts, as in Binance's API."""
    put(
        tmp_path / "A.json",
        CANDLES.astype({"open": str}).to_json(orient="records", date_format="iso", double_precision=15),
    )
    raw = read_symbol(data(tmp_path), "A")
    assert raw.layout == "canonical"
    pd.testing.assert_frame_equal(raw.rows[["timestamp", *OHLCV]], CANDLES, rtol=1e-12)


def test_freqtrades_feather_is_canonical(tmp_path):
    """A `date` column with zone and the five others."""
    CANDLES.rename(columns={"timestamp": "date"}).to_feather(tmp_path / "A.feather")
    assert read_symbol(data(tmp_path), "A").layout == "canonical"


def test_a_time_index_in_parquet_is_found(tmp_path):
    """A table whose index is the time has that column in the file as well."""
    CANDLES.set_index("timestamp").to_parquet(tmp_path / "A.parquet")
    raw = read_symbol(data(tmp_path), "A")
    pd.testing.assert_frame_equal(raw.rows[["timestamp", *OHLCV]], CANDLES)


def test_types_are_found_over_the_whole_of_a_large_csv(tmp_path):
    """Whole numbers for megabytes, then fractions, then text: all are seen."""
    n = 60_000
    times = 1_514_764_800 + 60 * np.arange(n)
    lines = [f"{time},1,2,1,2,{'7' if row < n - 9 else '7.5'}" for row, time in enumerate(times)]
    put(tmp_path / "A.csv", HEADER + "\n".join(lines))
    assert read_symbol(data(tmp_path), "A").rows["volume"].sum() == 7 * n + 4.5
    put(tmp_path / "A.csv", HEADER + "\n".join([*lines[:-1], lines[-1].replace("7.5", "much")]))
    assert refused(tmp_path) == f"ROOT/A.csv, row {n}: volume is 'much', no number"


@pytest.mark.parametrize("home", ["A/", "BINANCE/A/", "A.", "BINANCE/A."])
def test_files_are_found_in_every_place(tmp_path, home):
    """A symbol is a folder or a file, under the path or under an exchange; the path may be an exchange."""
    for other in ("B.csv", "BINANCE/B/1.csv", "README.md", "BINANCE/A.B.csv", "A.P.csv", "notes.txt"):
        put(tmp_path / other)
    names = [f"{home}2018-02.csv", f"{home}2018-01.csv.gz"] if home.endswith("/") else [f"{home}csv"]
    for name in names:
        put(tmp_path / name)
    for name in ("README.md", ".gitignore", "x.csv.dvc"):
        if home.endswith("/"):
            put(tmp_path / home / name)
    put(tmp_path / (home[:-1] + ".dvc"))
    assert [str(path.relative_to(tmp_path)) for path in find_files(tmp_path, "A").files] == sorted(names)
    if home.startswith("BINANCE"):
        assert len(find_files(tmp_path / "BINANCE", "A").files) == len(names)


def test_a_file_named_like_its_folder_is_found_once(tmp_path):
    """A symbol's own folder is no exchange."""
    put(tmp_path / "A/A.csv")
    assert find_files(tmp_path, "A").files == [tmp_path / "A/A.csv"]


def test_files_are_read_in_name_order(tmp_path):
    """Of two files with one time, the later name is read last."""
    for name, price in (("b", 3.0), ("a", 2.0)):
        put(tmp_path / f"A/{name}.csv", f"{HEADER}1514764800,{price},{price},{price},{price},1\n")
    raw = read_symbol(data(tmp_path), "A")
    assert raw.rows["close"].tolist() == [2.0, 3.0]
    assert [name[-5:] for name in raw.files] == ["a.csv", "b.csv"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["ONE/A/1.csv", "TWO/A.csv"],
            "ROOT: A is there more than once: ROOT/ONE/A, ROOT/TWO/A.csv; set data.path to one",
        ),
        (["A/1.csv", "A.csv"], "ROOT: A is there more than once: ROOT/A, ROOT/A.csv; set data.path to one"),
        (["B.csv", "ONE/C/1.csv"], "ROOT: no candles of A; there is B.csv, ONE/C"),
        ([".hidden"], "ROOT: no candles of A; there is nothing"),
        (["A/README.md", "A/.gitignore", "A/x.dvc"], "ROOT/A: holds no candle file"),
        (["A/1.csv", "A/1.xlsx"], "ROOT/A/1.xlsx: is no candle file; known are parquet, pq, feather, csv,"),
        (["A.xlsx"], "ROOT/A.xlsx: is no candle file"),
    ],
)
def test_what_is_there_is_told_where_files_are_not_as_expected(tmp_path, names, message):
    """Nothing is picked silently, nothing skipped silently."""
    for name in names:
        put(tmp_path / name)
    assert refused(tmp_path).startswith(message)


def test_a_long_list_of_names_is_cut(tmp_path):
    """A folder of hundreds of symbols doesn't fill the screen."""
    for number in range(25):
        put(tmp_path / f"S{number:02}.csv")
    assert refused(tmp_path).endswith("S18.csv, S19.csv and 5 more")


def test_a_path_that_is_no_folder_is_an_error(tmp_path):
    """Missing, or a file."""
    put(tmp_path / "README.md")
    assert refused(tmp_path / "raw") == "ROOT: data.path must be a folder of candles, and is not there"
    assert refused(tmp_path / "README.md") == "ROOT: data.path must be a folder of candles, and is a file"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("A.parquet", encode("parquet")[:-40], "not readable as parquet: "),
        ("A.parquet", b"", "not readable as parquet: "),
        ("A.feather", encode("feather")[:200], "not readable as feather: "),
        ("A.csv", HEADER + ROW + "1514764860,1,2\n", "not readable as csv: CSV parse error: line 3: "),
        ("A.csv", b"\xff\xfe1\x00", "not readable as csv: "),
        ("A.csv", "", "holds no row"),
        ("A.csv", HEADER, "holds no row"),
        ("A.csv", HEADER.replace("open,", "") + "1,2,3,4,5\n", "lacks open; its columns are timestamp, high"),
        ("A.csv.gz", gzip.compress(b"1" * 999)[:-9], "not readable as csv.gz: "),
        ("A.csv.gz", HEADER, "not readable as csv.gz: Not a gzipped file"),
        ("A.csv.gz", gzip.compress(b"")[:10] + b"\xff" * 9, "not readable as csv.gz: Error -3"),
        ("A.csv", '"' + "x" * 200_000, "not readable as csv: field larger than field limit"),
        ("A.zip", encode("zip")[:-30], "not readable as zip: File is not a zip file"),
        ("A.zip", encode("zip").replace(b"\x00\x00\x00\x00", b"\x01\x00\x00\x00"), "not readable as zip: "),
        ("A.zip", zipped(HEADER, "a.csv", "b.csv"), "not readable as zip: must hold one candle file"),
        ("A.csv.zip", zipped(HEADER, "a.doc"), "not readable as csv.zip: must hold one candle file"),
        ("A.json", "", "not readable as json: Expecting value"),
        ("A.json", "[[1,2", "not readable as json: "),
        ("A.json", "[" * 100_000, "not readable as json: "),
        ("A.json", '{"code": 1}', "not readable as json: must be an array of rows"),
        ("A.json", '["error", 10020]', "not readable as json: row 1 must be an array"),
        ("A.json", "[[1,2,3,4,5,6],[1,2]]", "not readable as json: row 2 must be an array as long"),
        ("A.json", "[]", "holds no row"),
        ("A.json.gz", gzip.compress(b"nothing"), "not readable as json.gz: Expecting value"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "bytes",  # archives hold the time of day
)  # fmt: skip
def test_a_broken_file_is_told_in_one_line(tmp_path, name, content, message):
    """The file is named with what is wrong in it."""
    put(tmp_path / name, content)
    assert refused(tmp_path).startswith(f"ROOT/{name}: {message}")


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1514764860,1,2,low,1.5,1", "ROOT/A.csv, row 2: low is 'low', no number"),
        (
            "2018-01-01 00:01:00,1,2,0.5,1.5,1",
            "ROOT/A.csv, row 1: timestamp is '1514764800', no ISO 8601 time",
        ),
        ("12,1,2,0.5,1.5,1", "ROOT/A.csv, row 2: timestamp is '12', no epoch"),
    ],
)
def test_a_bad_cell_is_told_with_its_row(tmp_path, row, message):
    """Rows count from 1 below the header."""
    put(tmp_path / "A.csv", HEADER + ROW + row)
    assert refused(tmp_path).startswith(message)


def test_a_file_that_may_not_be_read_is_an_error(tmp_path, monkeypatch):
    """The system's own words are passed on."""
    put(tmp_path / "A.csv", HEADER + ROW)

    def deny(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", deny)
    assert "ROOT/A.csv: not readable as csv: " in refused(tmp_path)
    assert "Permission denied" in refused(tmp_path)


def spaced(minutes):
    """Candles at `minutes`, as CSV."""
    return HEADER + "".join(f"{1_514_764_800 + 60 * minute},1,2,0.5,1.5,1\n" for minute in minutes)


@pytest.mark.parametrize(
    ("interval", "minutes"), [("1m", 5), ("5m", 15), ("15m", 60), ("5m", 3), ("1h", 1440)]
)
def test_candles_of_another_interval_are_an_error(tmp_path, interval, minutes):
    """Longer than asked, or no part of it: told with what was found and what was asked for."""
    put(tmp_path / "A.csv", spaced(range(0, 50 * minutes, minutes)))
    told = f"ROOT/A.csv: candles are mostly {minutes} minutes apart, data.interval is {interval}"
    assert refused(tmp_path, interval=interval) == told


def test_sparse_candles_have_the_interval_of_their_smallest_step(tmp_path):
    """Quiet minutes are missing, two of three steps are of two minutes, and the data is still of one."""
    put(tmp_path / "A.csv", spaced(np.cumsum([1, 2, 2] * 30)))
    assert len(read_symbol(data(tmp_path), "A").rows) == 90


def test_one_stray_row_makes_no_other_interval(tmp_path):
    """Of five-minute candles with one odd row, minutes aren't the interval."""
    put(tmp_path / "A.csv", spaced(sorted([*range(0, 250, 5), 101])))
    assert "mostly 5 minutes apart" in refused(tmp_path)


def test_a_long_file_of_another_interval_is_found_among_others(tmp_path):
    """Each file long enough to tell is judged on its own."""
    put(tmp_path / "A/1m.csv", spaced(range(3000)))
    put(tmp_path / "A/5m.csv", spaced(range(0, 1000, 5)))
    assert refused(tmp_path).startswith("ROOT/A/5m.csv: candles are mostly 5 minutes apart")


@settings(max_examples=settings.default.max_examples * 2 // 5, deadline=None)
@given(
    order=st.permutations(range(30)),
    copies=st.lists(st.integers(0, 29), max_size=10),
    cuts=st.lists(st.integers(1, 29), max_size=3, unique=True),
    extension=st.sampled_from(["csv", "json", "parquet", "zip"]),
)
def test_how_rows_lie_in_files_changes_no_candle(tmp_path_factory, order, copies, cuts, extension):
    """Shuffled, repeated and split over files, rows are the same candles, each of a file that holds it."""
    folder = tmp_path_factory.mktemp("rows")
    mixed = CANDLES.iloc[[*order, *copies]]
    edges = [0, *sorted(cuts), len(mixed)]
    parts = [mixed.iloc[begin:end] for begin, end in pairwise(edges)]
    for number, part in enumerate(parts):
        put(folder / f"A/{number}.{extension}", encode(extension, part.reset_index(drop=True)))
    candles = clean(read_symbol(data(folder), "A"), data(folder)).candles
    pd.testing.assert_frame_equal(candles[["timestamp", *OHLCV]], CANDLES)
    for time, file in zip(candles["timestamp"], candles["file"], strict=True):
        assert (parts[file]["timestamp"] == time).any()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("FILUSDT-1m-2024-01.csv", "FILUSDT, data.symbols BTC-USDT; move it, or rename it if it is that"),
        (
            "BTC_USDT_USDT-1m.csv",
            "a future or perpetual, BTC-USDT is spot; name folder and symbol BTC-USDT-PERP",
        ),
    ],
)
def test_a_file_named_after_another_symbol_is_refused(tmp_path, name, told):
    """Before it is read: its rows could not tell."""
    put(tmp_path / "EX/BTC-USDT" / name, HEADER + ROW)
    with pytest.raises(DataError) as caught:
        read_symbol(data(tmp_path / "EX"), "BTC-USDT")
    assert str(caught.value) == f"{tmp_path}/EX/BTC-USDT/{name}: its name says {told}"


@pytest.mark.parametrize("folder", ["BINANCE-USDM/BTC-USDT", "futures/BTC-USDT", "EX/BTC-USDT-PERP"])
def test_a_perpetual_is_read_where_the_folder_says_so(tmp_path, folder):
    """The exchange's folder or the symbol."""
    put(tmp_path / folder / "BTC_USDT_USDT-1m-futures.csv", HEADER + ROW)
    place = (tmp_path / folder).parent
    assert len(read_symbol(data(place), folder.split("/")[1]).rows) == 1
    assert len(read_symbol(data(tmp_path), folder.split("/")[1]).rows) == 1


def test_names_are_read_in_their_numbers_order(tmp_path):
    """Ten comes after two."""
    for number in (10, 2, 1):
        put(tmp_path / f"A/export_{number}.csv", HEADER + ROW)
    names = [path.name for path in find_files(tmp_path, "A").files]
    assert names == ["export_1.csv", "export_2.csv", "export_10.csv"]


def test_a_single_hour_among_minutes_is_refused(tmp_path):
    """By its name, where its one row can't tell."""
    put(tmp_path / "A/BTC-1m.csv", spaced(range(14)))
    put(tmp_path / "A/BTC-60m.csv", HEADER + "1514764800,1,9,0.1,1.5,300\n")
    assert refused(tmp_path) == (
        "ROOT/A/BTC-60m.csv: its name says candles of 60 minutes, data.interval is 1m"
    )
