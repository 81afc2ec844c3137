"""The feature store: what is written comes back bit by bit, and no more is read than asked for."""

import hashlib
import itertools
import json
import subprocess
import sys
import threading
import zipfile
from dataclasses import asdict, dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from unittest.mock import patch

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tapeline.closure import ROOT
from tapeline.errors import DataError
from tapeline.store import table_writing
from tapeline.store.feature_store import FeatureStore
from tapeline.store.table_schema import FeatureInfo
from tapeline.store.tables import read_table, read_tables

RSI = {"name": "rsi", "group": "momentum", "lookback": 60, "meaning": "Relative strength, ü included"}
JANUARY = "A.parquet/2024-01.parquet"  # where rows of `made_table` lie, of a symbol A
SAID = {"feature_version": "v1", "horizon": 15, "interval": "1m", "features": [RSI]}
MEMORY = (f"memory://store{number}" for number in itertools.count())  # one a test, memory is shared


@pytest.fixture
def small_groups():
    """Row groups of 4,096 rows: several of them in a small table."""
    with patch("tapeline.store.table_schema.ROW_GROUP_SIZE", 4096):
        yield


def made_table(n_rows=5, **columns):
    """A feature table by the minute from 2024-01-01, some candles filled, labels NaN or -0.0."""
    times = pd.date_range("2024-01-01", periods=n_rows, freq="min", tz="UTC", unit="us")
    label = np.where(np.arange(n_rows) % 3 == 0, np.nan, -0.0)
    return pd.DataFrame(
        {
            "timestamp": times,
            "segment": np.arange(n_rows, dtype="int32") // 3,
            "is_filled": np.arange(n_rows) % 4 == 1,
            "rsi": np.random.default_rng(n_rows).normal(size=n_rows),
            "direction": label,
            **columns,
        }
    )


def same_bits(one, other):
    """Whether two columns are of one type and the same bytes."""
    if isinstance(one.dtype, pd.DatetimeTZDtype):
        return one.dtype == other.dtype and one.tolist() == other.tolist()
    return one.dtype == other.dtype and one.to_numpy().tobytes() == other.to_numpy().tobytes()


class RangeHandler(SimpleHTTPRequestHandler):
    """Serves byte ranges of a folder, as object stores do, and counts the bytes of files it sent."""

    sent = 0

    def do_GET(self):
        """Answer a range with just that; a folder or a whole file as the library does."""
        asked = self.headers.get("Range")
        if asked is None:
            return super().do_GET()
        begin, end = map(int, asked.removeprefix("bytes=").split("-"))
        with open(self.translate_path(self.path), "rb") as file:
            content = file.read()
        part = content[begin : end + 1]
        type(self).sent += len(part)
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        self.wfile.write(part)
        return None

    def log_message(self, *args):
        """Say nothing."""


@pytest.fixture
def served(tmp_path):
    """URL of a server of `tmp_path`."""
    RangeHandler.sent = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(RangeHandler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize("protocol", ["path", "file", "memory", "simplecache"])
def test_a_table_comes_back_bit_by_bit(protocol, tmp_path):
    """From any writable URL: every value, type and column order, keys in front, whatever the index was."""
    url = {
        "path": tmp_path / "deep" / "features",
        "file": (tmp_path / "features").as_uri(),
        "memory": next(MEMORY),
        "simplecache": f"simplecache::{next(MEMORY)}",
    }[protocol]
    tables = {"ETH-USD": made_table(7).set_index(np.arange(7)[::-1]), "BTC-USD": made_table(5)}
    store = FeatureStore(url)
    for symbol, table in tables.items():
        store.write(symbol, table, SAID)
    assert store.symbols() == ["BTC-USD", "ETH-USD"]
    read = store.read(["ETH-USD", "BTC-USD"])
    assert list(read.columns) == ["symbol", *made_table().columns]
    assert list(read["symbol"].cat.categories) == ["ETH-USD", "BTC-USD"]
    assert read["symbol"].tolist() == ["ETH-USD"] * 7 + ["BTC-USD"] * 5
    assert read.index.equals(pd.RangeIndex(12))
    for symbol, part in read.groupby("symbol", observed=True):
        for name in tables[symbol].columns:
            assert same_bits(part[name], tables[symbol][name]), name


def test_a_store_is_read_out_of_a_zip_file_which_is_never_written(tmp_path):
    """A read-only filesystem is read as any other; writing to it ends in one line."""
    FeatureStore(tmp_path / "features").write("A", made_table(), SAID)
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(tmp_path / "features" / JANUARY, f"features/{JANUARY}")
    store = FeatureStore(f"zip://features::{tmp_path / 'all.zip'}")
    pd.testing.assert_frame_equal(store.read(), FeatureStore(tmp_path / "features").read())
    with pytest.raises(DataError, match=r"B\.parquet: can't be written") as error:
        store.write("B", made_table(), SAID)
    assert "\n" not in str(error.value)


def test_only_the_asked_columns_and_row_groups_travel(served, tmp_path, small_groups):
    """Over HTTP: the footer, then the chunks of two columns and the times in two of ten row groups."""
    values = np.random.default_rng(1).normal(size=(10 * 4096, 20))
    table = made_table(len(values), **{f"f{i}": column for i, column in enumerate(values.T)})
    FeatureStore(tmp_path / "features").write("A", table, SAID)
    path = tmp_path / "features" / JANUARY
    metadata = pq.ParquetFile(path).metadata
    names = [metadata.schema.column(i).name for i in range(metadata.num_columns)]
    wanted = sum(
        metadata.row_group(group).column(names.index(name)).total_compressed_size
        for group in (3, 4)
        for name in ("timestamp", "f3", "f11")
    )
    start, end = table["timestamp"][4 * 4096 - 50], table["timestamp"][5 * 4096]  # where group 5 begins
    read = FeatureStore(f"{served}/features").read("A", start, end, ["f11", "f3"])
    footer = max(metadata.serialized_size + 8, 64 * 1024)  # Arrow guesses at 64 KiB first
    assert wanted <= RangeHandler.sent <= wanted + footer
    assert RangeHandler.sent < path.stat().st_size / 20
    expected = table.iloc[4 * 4096 - 50 : 5 * 4096]
    assert list(read.columns) == ["symbol", "timestamp", "f11", "f3"]
    assert all(same_bits(read[name], expected[name]) for name in ("timestamp", "f11", "f3"))


PEAK = """
import tracemalloc
import pyarrow as pa
from tapeline.store.feature_store import FeatureStore
tracemalloc.start()
table = FeatureStore({url!r}).read()
peak = tracemalloc.get_traced_memory()[1] + pa.default_memory_pool().max_memory()
print(peak / table.memory_usage().sum())
"""


def test_a_table_is_not_held_twice_while_it_is_read(tmp_path, small_groups):
    """Arrow holds a row group and the times, NumPy the result: together little more than the table."""
    values = np.random.default_rng(1).normal(size=(20 * 4096, 20))
    table = made_table(len(values), **{f"f{i}": column for i, column in enumerate(values.T)})
    FeatureStore(tmp_path).write("A", table, SAID)
    command = [sys.executable, "-c", PEAK.format(url=str(tmp_path))]  # a process whose peaks are all its own
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert 1.0 < float(done.stdout) < 1.5


def test_row_groups_are_of_a_fixed_size(tmp_path, monkeypatch):
    """A day's rows cost one or two row groups, each with statistics of its times."""
    monkeypatch.setattr("tapeline.store.table_schema.ROW_GROUP_SIZE", 4096)
    FeatureStore(tmp_path).write("A", made_table(4097), SAID)
    metadata = pq.ParquetFile(tmp_path / JANUARY).metadata
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [4096, 1]
    assert metadata.row_group(0).column(0).statistics.has_min_max
    assert metadata.row_group(0).sorting_columns[0].column_index == 0


ANY_FLOAT = st.integers(0, 2**64 - 1) | st.sampled_from(
    [np.float64(x).view(np.uint64) for x in (-0.0, np.nan)]
)
MINUTE = 60_000_000


@st.composite
def stores(draw):
    """Tables of up to three symbols, any float64 bits among their values, minutes missing here and there."""
    names = draw(st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True, max_size=3))
    tables = {}
    for symbol in draw(st.lists(st.sampled_from(["X", "Y", "Z"]), unique=True, min_size=1)):
        minutes = sorted(draw(st.sets(st.integers(0, 30), max_size=12)))
        floats = [draw(st.lists(ANY_FLOAT, min_size=len(minutes), max_size=len(minutes))) for _ in names]
        times = np.array(minutes, np.int64) * MINUTE
        columns = {
            name: np.array(bits, np.uint64).view(float) for name, bits in zip(names, floats, strict=True)
        }
        tables[symbol] = pd.DataFrame(
            {
                **columns,
                "timestamp": pd.DatetimeIndex(times.view("datetime64[us]"), tz="UTC"),
                "segment": np.arange(len(minutes), dtype=np.int32),
                "is_filled": np.arange(len(minutes)) % 2 == 0,
            }
        )
    return tables


@st.composite
def bounds(draw):
    """A time on the grid, a nanosecond off it, or none."""
    minute = draw(st.none() | st.integers(-2, 32))
    off = draw(st.sampled_from([-1, 0, 1]))
    return None if minute is None else pd.Timestamp(minute * MINUTE * 1000 + off, unit="ns", tz="UTC")


@given(tables=stores(), one=bounds(), other=bounds(), data=st.data())
def test_reading_equals_slicing_the_whole_tables(tables, one, other, data):
    """For any symbols, times and columns in any order, bit by bit, over row groups of four rows."""
    start, end = (one, other) if one is None or other is None or one <= other else (other, one)
    store = FeatureStore(next(MEMORY))
    with patch("tapeline.store.table_schema.ROW_GROUP_SIZE", 4):
        for symbol, table in tables.items():
            store.write(symbol, table, SAID | {"features": []})
    there = [name for name in next(iter(tables.values())).columns if name != "timestamp"]
    symbols = data.draw(st.none() | st.permutations(list(tables)).map(lambda names: names[:2]))
    columns = data.draw(st.none() | st.lists(st.sampled_from(["symbol", "timestamp", *there]), unique=True))
    read = store.read(symbols, start, end, columns)

    parts = []
    for symbol in sorted(tables) if symbols is None else symbols:
        table = tables[symbol].assign(symbol=symbol)
        after = True if start is None else table["timestamp"] >= start
        before = True if end is None else table["timestamp"] < end
        parts.append(table[after & before & np.ones(len(table), bool)])
    expected = pd.concat(parts, ignore_index=True)
    asked = [name for name in (there if columns is None else columns) if name not in ("symbol", "timestamp")]
    assert list(read.columns) == ["symbol", "timestamp", *asked]
    assert read["symbol"].tolist() == expected["symbol"].tolist()
    for name in ["timestamp", *asked]:
        assert same_bits(read[name], expected[name]), name


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"symbols": "BTC-USDT"}, "no symbol 'BTC-USDT'; there is BTC-USD, ADA-USD"),
        (
            {"columns": ["rsi", "drection"]},
            "ADA-USD.parquet: no column 'drection'; there is direction, segment",
        ),
        ({"columns": ["rsi", "rsi"]}, "columns: rsi is asked for twice"),
        ({"symbols": ["BTC-USD", "BTC-USD"]}, "symbols: BTC-USD is asked for twice"),
        ({"symbols": []}, "no symbol is asked for"),
        ({"start": "2024-01-01"}, "start: 2024-01-01 has no time zone"),
        ({"end": pd.Timestamp("2024-01-01")}, "end: 2024-01-01 00:00:00 has no time zone"),
        ({"end": "soon"}, "end: 'soon' is no time"),
        ({"start": "2024-01-02T00Z", "end": "2024-01-01T00Z"}, "start: 2024-01-02T00Z is after end 2024-01"),
    ],
)
def test_what_is_not_there_is_told_in_one_line(asked, message, tmp_path):
    """The close match comes first, then all there is."""
    for symbol in ("ADA-USD", "BTC-USD"):
        FeatureStore(tmp_path).write(symbol, made_table(), SAID)
    with pytest.raises(DataError) as error:
        FeatureStore(tmp_path).read(**asked)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_time_of_another_zone_is_the_same_instant(tmp_path):
    """Bounds may be strings, datetimes or timestamps of any zone."""
    store = FeatureStore(tmp_path)
    store.write("A", made_table(), SAID)
    read = store.read(start="2024-01-01T01:01+01:00", end=pd.Timestamp("2024-01-01 00:03", tz="UTC"))
    assert read["timestamp"].dt.minute.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (made_table()[::-1], "timestamps are unsorted at row 1: 2024-01-01T00:03:00+00:00"),
        (made_table().iloc[[0, 1, 1, 2]], "timestamps are twice at row 2: 2024-01-01T00:01:00+00:00"),
        (
            made_table().assign(timestamp=lambda t: t["timestamp"].dt.tz_localize(None)),
            "datetime64[us], must be",
        ),
        (
            made_table().assign(timestamp=lambda t: t["timestamp"].dt.tz_convert("Europe/Prague")),
            "Europe/Prague], must be datetime64[us, UTC]",
        ),
        (
            made_table().assign(timestamp=lambda t: t["timestamp"].where(t.index != 2)),
            "row 2 has no timestamp",
        ),
        (
            made_table().assign(timestamp=lambda t: t["timestamp"].dt.as_unit("ns") + pd.Timedelta(1, "ns")),
            "must be whole microseconds",
        ),
        (made_table().assign(note="x"), "column note is of type str; the store holds numbers and booleans"),
        (made_table().assign(symbol=1), "must have a column timestamp and none of name symbol"),
        (made_table().drop(columns="timestamp"), "must have a column timestamp"),
        (made_table().drop(columns="rsi"), "features rsi have no column"),
        (pd.concat([made_table(), made_table()[["rsi"]]], axis=1), "column names must be unique"),
    ],
)
def test_a_table_that_breaks_the_rules_is_refused_in_one_line(table, message, tmp_path):
    """And leaves nothing behind."""
    with pytest.raises(DataError, match=r"A\.parquet") as error:
        FeatureStore(tmp_path / "features").write("A", table, SAID)
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "features").exists()


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"horizon": "15"}, "schema: horizon"),
        ({"interval": "2m"}, "schema: interval"),
        ({"feature_version": None}, "schema: feature_version"),
        ({"colour": "red"}, "schema: colour"),
        ({"features": [RSI | {"lookback": 0}]}, "schema: lookback"),
        ({"features": [{"name": "rsi"}]}, "schema: group"),
    ],
)
def test_a_wrong_word_about_a_table_is_named(said, message, tmp_path):
    """Unknown keys, missing ones and wrong types, in one line."""
    with pytest.raises(DataError) as error:
        FeatureStore(tmp_path).write("A", made_table(), SAID | said)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("symbol", ["../A", ".A", "a/b", ""])
def test_a_symbol_stays_in_the_store(symbol, tmp_path):
    """Its name is a file name and nothing more."""
    with pytest.raises(DataError, match="should match pattern"):
        FeatureStore(tmp_path / "features").write(symbol, made_table(), SAID)
    assert not list(tmp_path.iterdir())


def test_the_schema_says_what_the_columns_mean(tmp_path):
    """Read from the footer, frozen; features may be told as mappings or as records with more to them."""

    @dataclass
    class Declared:
        name: str
        group: str
        lookback: int
        meaning: str
        compute: object

    store = FeatureStore(tmp_path)
    store.write(
        "A", made_table(), SAID | {"features": [Declared(**RSI, compute=print)], "input_version": "i"}
    )
    schema = store.schema("A")
    assert schema.features == (FeatureInfo(**RSI),)
    assert (schema.feature_version, schema.input_version) == ("v1", "i")
    assert (schema.schema_version, schema.horizon, schema.interval) == (1, 15, "1m")
    assert schema.dtypes == {name: str(dtype) for name, dtype in made_table().dtypes.items()}
    with pytest.raises(ValidationError, match="frozen"):
        schema.horizon = 3
    store.write("B", made_table(3), schema)
    assert store.schema("B") == schema
    with pytest.raises(DataError, match=r"differ in columns: direction, float64 and direction, float32"):
        store.write("B", made_table().astype({"direction": "float32"}), schema)
    with pytest.raises(DataError, match="schema: compute"):
        store.write("B", made_table(), SAID | {"features": [asdict(Declared(**RSI, compute=1))]})


@pytest.mark.parametrize(
    ("table", "said", "message"),
    [
        (made_table(), {"feature_version": "v2"}, "A and B differ in feature_version: v1 and v2"),
        (made_table(), {"horizon": 30}, "A and B differ in horizon: 15 and 30"),
        (made_table(extra=1.0), {}, "A and B differ in columns: nothing and extra, float64"),
        (made_table(), {"features": []}, "A and B differ in features: rsi, momentum, 60"),
    ],
)
def test_symbols_of_different_schemas_are_read_apart(table, said, message, tmp_path):
    """Together they are refused, both named; each alone is read. Their input may differ."""
    store = FeatureStore(tmp_path)
    store.write("A", made_table(), SAID | {"input_version": "a"})
    store.write("B", table, SAID | said)
    with pytest.raises(DataError) as error:
        store.read()
    assert message in str(error.value)
    assert len(store.read("A")) == len(store.read("B")) == 5
    store.write("B", made_table(), SAID | {"input_version": "b"})
    assert len(store.read()) == 10


def test_same_table_same_bytes(tmp_path):
    """Whatever the folder and the index; metadata sorted, none of pandas' own."""
    for folder, table in (("a", made_table()), ("b/c", made_table().set_index(pd.Index(list("vwxyz"))))):
        FeatureStore(tmp_path / folder).write("A", table, dict(reversed(SAID.items())))
        FeatureStore(tmp_path / folder).write_manifest()
    for name in (JANUARY, "manifest.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / "c" / name).read_bytes()
    metadata = pq.read_schema(tmp_path / "a" / JANUARY).metadata
    assert list(metadata) == [b"feature_version", b"features", b"horizon", b"interval", b"store_schema"]
    assert json.loads(metadata[b"features"]) == [RSI]


def test_pandas_reads_the_files_too(tmp_path):
    """Equal in content and type, so readers that know nothing of the store go on."""
    table = made_table(9)
    FeatureStore(tmp_path).write("A", table, SAID)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "A.parquet"), table)
    pd.testing.assert_frame_equal(read_table(tmp_path, "A"), table)
    pd.testing.assert_frame_equal(read_tables(tmp_path, ("A",)), FeatureStore(tmp_path).read())


@pytest.mark.parametrize("columns", [["b"], ["b", "a", "c"]])
def test_a_matrix_holds_what_tables_hold(tmp_path, monkeypatch, columns):
    """Rows and columns as asked, across row groups and more columns than are read at once."""
    monkeypatch.setattr("tapeline.store.table_schema.ROW_GROUP_SIZE", 7)
    monkeypatch.setattr("tapeline.store.feature_store.COLUMNS_AT_ONCE", 2)
    store, rng = FeatureStore(tmp_path), np.random.default_rng(2)
    schema = {"feature_version": "v", "horizon": 15, "interval": "1m", "features": []}
    for symbol, n in (("A", 20), ("B", 0), ("C", 9)):
        times = pd.date_range("2026-01-01", periods=n, freq="min", tz="UTC", unit="us")
        values = {"a": rng.normal(size=n), "b": rng.normal(size=n), "c": rng.integers(0, 9, n)}
        store.write(symbol, pd.DataFrame({"timestamp": times} | values), schema)
    matrix = store.read_matrix(("C", "B", "A"), columns)
    assert (matrix.dtype, matrix.shape) == (np.dtype("float32"), (29, len(columns)))
    np.testing.assert_array_equal(matrix, store.read(("C", "B", "A"))[columns].astype(np.float32))
    np.testing.assert_array_equal(matrix[:9], read_table(tmp_path, "C")[columns].astype(np.float32))
    with pytest.raises(DataError, match="no column 'd'"):
        store.read_matrix(("A",), ["a", "d"])


def test_a_read_table_may_be_changed(tmp_path):
    """The caller owns every value."""
    FeatureStore(tmp_path).write("A", made_table(), SAID)
    table = FeatureStore(tmp_path).read()
    table.loc[0, ["rsi", "is_filled"]] = [2.0, True]
    table["rsi"] += 1
    assert table.loc[0, "rsi"] == 3.0


def test_an_empty_table_keeps_its_types(tmp_path):
    """No rows, all columns; its manifest entry has no times."""
    store = FeatureStore(tmp_path)
    store.write("A", made_table(0), SAID)
    pd.testing.assert_series_equal(store.read().dtypes.iloc[1:], made_table(0).dtypes)
    entry = store.write_manifest()["files"]["A.parquet"]
    assert (entry["rows"], entry["first"], entry["last"]) == (0, None, None)


@pytest.mark.parametrize("url", ["local", "memory"])
def test_the_manifest_says_what_lies_there(url, tmp_path):
    """Hash, bytes, rows, times and version of each file, by name; told in one line if not written."""
    store = FeatureStore(tmp_path / "features" if url == "local" else next(MEMORY))
    for symbol in ("B", "A"):
        store.write(symbol, made_table(), SAID)
    with pytest.raises(DataError, match=r"manifest\.json: is not there; write_manifest\(\) makes it"):
        store.manifest()
    assert store.write_manifest() == store.manifest()
    with fsspec.open(f"{store.url}/{JANUARY}", "rb") as file:
        content = file.read()
    assert list(store.manifest()["files"]) == [JANUARY, "B.parquet/2024-01.parquet"]
    assert store.manifest()["files"][JANUARY] == {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "rows": 5,
        "first": "2024-01-01T00:00:00Z",
        "last": "2024-01-01T00:04:00Z",
        "feature_version": "v1",
    }
    assert store.symbols() == ["A", "B"]


@pytest.mark.parametrize("url", ["local", "memory"])
def test_a_write_that_fails_half_way_leaves_the_old_table(url, tmp_path, monkeypatch):
    """The old file stays as it was, and nothing lies beside it."""

    def fail(arrow, sink, **options):
        sink.write(b"PAR1")
        raise OSError("disk full")

    store = FeatureStore(tmp_path / "features" if url == "local" else next(MEMORY))
    store.write("A", made_table(), SAID)
    monkeypatch.setattr(table_writing.pq, "write_table", fail)
    for symbol in ("A", "B"):
        with pytest.raises((OSError, DataError), match="disk full"):
            store.write(symbol, made_table(3), SAID)
    assert len(store.read("A")) == 5
    assert len(fsspec.open(store.url).fs.ls(store.url)) == 1


def test_what_is_no_feature_table_is_refused(tmp_path):
    """A foreign Parquet file, another version's, broken metadata, a broken file, no file, no folder."""
    table, store = made_table(), FeatureStore(tmp_path / "features")
    with pytest.raises(DataError, match="features: no such store$"):
        store.read()
    (tmp_path / "features").mkdir()
    with pytest.raises(DataError, match="features: holds no feature table"):
        store.read()
    path = tmp_path / "features" / "A.parquet"
    table.to_parquet(path)
    with pytest.raises(DataError, match=r"A\.parquet: is no feature table"):
        store.read("A")
    for metadata, message in (
        ({"store_schema": "2"}, "is of store schema 2, this code reads 1"),
        ({"store_schema": "1"}, "is no feature table: its metadata is broken"),
    ):
        pq.write_table(pa.Table.from_pandas(table).replace_schema_metadata(metadata), path)
        with pytest.raises(DataError, match=message):
            store.schema("A")
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(DataError, match=r"A\.parquet: not readable as Parquet"):
        store.schema("A")


def test_the_broken_one_of_several_files_is_named(tmp_path):
    """A page that can't be decoded is found on reading, under its own file's name."""
    store = FeatureStore(tmp_path)
    for symbol in ("A", "B"):
        store.write(symbol, made_table(2000), SAID)
    path = tmp_path / JANUARY
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(3)
    content = bytearray(path.read_bytes())
    begin = chunk.data_page_offset
    content[begin : begin + chunk.total_compressed_size] = bytes(chunk.total_compressed_size)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"A\.parquet/2024-01\.parquet: not readable as Parquet"):
        store.read(columns="rsi")
    assert len(store.read(columns="direction")) == 4000


def test_options_go_to_the_filesystem(tmp_path):
    """As fsspec takes them; a protocol that it does not know ends in one line."""
    url = next(MEMORY)
    FeatureStore(url).write("A", made_table(), SAID)
    cached = FeatureStore(f"simplecache::{url}", simplecache={"cache_storage": str(tmp_path / "cache")})
    assert len(cached.read()) == 5
    assert len(list((tmp_path / "cache").iterdir())) == 1
    with pytest.raises(DataError, match="nosuch://x: can't be opened: .*nosuch"):
        FeatureStore("nosuch://x")
