"""Tables in month files: read as one, old single files too; what is broken, lost or foreign is one line."""

import itertools
import json
import shutil

import fsspec
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import DataError
from tapeline.months import month_parts
from tapeline.outputs import write_table
from tapeline.store.feature_store import FeatureStore
from tapeline.store.stored_table import StoredTable
from tapeline.store.table_schema import TableSchema, check_table, parquet_options, to_arrow
from tapeline.store.tables import read_table, write_listing, write_months
from tests.store.test_feature_store import SAID, made_table

MEMORY = (f"memory://months{number}" for number in itertools.count())


def table_at(*starts, n_rows=3):
    """A feature table with `n_rows` minutes from each of `starts` on."""
    times = [pd.date_range(start, periods=n_rows, freq="min", tz="UTC", unit="us") for start in starts]
    return (
        made_table(len(starts) * n_rows)
        .assign(timestamp=np.concatenate(times))
        .astype({"timestamp": "datetime64[us, UTC]"})
    )


THREE = table_at("2023-12-31T23:58", "2024-02-29T23:59", "2024-05-05")  # rows of 12, 01, 02, 03 and 05


@st.composite
def times_of_months(draw):
    """Strictly rising times, microseconds: up to forty around the borders of a dozen months."""
    borders = pd.date_range("2023-10-01", periods=12, freq="MS", tz="UTC", unit="us").asi8
    offsets = draw(st.lists(st.integers(-3, 3), min_size=0, max_size=40))
    return np.unique([draw(st.sampled_from(borders.tolist())) + each for each in offsets]).astype(np.int64)


@given(times_of_months())
def test_months_hold_every_row_once_and_none_is_empty(times):
    """In order, each with the times that its name says."""
    parts = month_parts(times)
    assert [row for _, rows in parts for row in range(rows.start, rows.stop)] == list(range(len(times)))
    assert [name for name, _ in parts] == sorted({f"{pd.Timestamp(int(t), unit='us'):%Y-%m}" for t in times})
    for name, rows in parts:
        assert {f"{pd.Timestamp(int(t), unit='us'):%Y-%m}" for t in times[rows]} == {name}


@pytest.mark.parametrize("url", ["local", "memory"])
def test_a_month_without_a_row_has_no_file_and_the_rest_reads_as_one(url, tmp_path):
    """By the store and by pandas; a month's bytes are the same whatever lies before or after it."""
    store = FeatureStore(tmp_path / "features" if url == "local" else next(MEMORY))
    store.write("A", THREE, SAID)
    store.write("B", THREE.iloc[4:], SAID)  # March begins there
    files = store.write_manifest()["files"]
    months = "2023-12", "2024-01", "2024-02", "2024-03", "2024-05"
    assert list(files) == [f"A.parquet/{m}.parquet" for m in months] + [
        f"B.parquet/{m}.parquet" for m in months[3:]
    ]
    assert files["A.parquet/2024-05.parquet"] == files["B.parquet/2024-05.parquet"]
    assert [files[f"A.parquet/{m}.parquet"]["rows"] for m in months] == [2, 1, 1, 2, 3]
    read = store.read("A").drop(columns="symbol")
    pd.testing.assert_frame_equal(read, THREE)
    np.testing.assert_array_equal(
        store.read_matrix(["B", "A"], ["rsi"])[5:, 0], THREE["rsi"].astype("float32")
    )
    assert store.extent("A")["last"] == "2024-05-05T00:02:00Z"
    pd.testing.assert_frame_equal(
        StoredTable(store, "A").iloc[1:8].reset_index(drop=True), THREE.iloc[1:8].reset_index(drop=True)
    )
    if url == "local":
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "features/A.parquet"), THREE)
        pd.testing.assert_frame_equal(read_table(tmp_path / "features", "A"), THREE)


@settings(max_examples=25)
@given(st.data())
def test_rows_in_time_are_those_of_the_whole(data):
    """Wherever the cuts lie, in a month, between two or outside of all."""
    store = FeatureStore(next(MEMORY))
    store.write("A", THREE, SAID)
    cuts = pd.date_range("2023-11-30", "2024-06-02", freq="12h", tz="UTC").append(
        pd.DatetimeIndex(THREE["timestamp"])
    )
    start, end = sorted(data.draw(st.tuples(*[st.sampled_from(list(cuts))] * 2)))
    expected = THREE[(THREE["timestamp"] >= start) & (THREE["timestamp"] < end)].reset_index(drop=True)
    pd.testing.assert_frame_equal(store.read("A", start, end).drop(columns="symbol"), expected)


def test_only_months_in_time_are_opened(tmp_path):
    """A file that is broken is not in the way of other months."""
    store = FeatureStore(tmp_path)
    store.write("A", THREE, SAID)
    (tmp_path / "A.parquet/2024-03.parquet").write_bytes(b"PAR1 not really")
    assert len(store.read("A", "2024-04-01T00:00:00Z")) == 3
    with pytest.raises(DataError, match=r"A\.parquet/2024-03\.parquet: not readable as Parquet"):
        store.read("A")
    with pytest.raises(DataError, match=r"A\.parquet/2024-03\.parquet: not readable as Parquet"):
        read_table(tmp_path, "A")


def test_a_table_of_one_file_is_read_as_before(tmp_path):
    """As older stores have it, beside one of months."""
    checked = check_table("A", THREE)
    arrow = to_arrow("A", checked, TableSchema.of("A", checked, SAID))
    pq.write_table(arrow, tmp_path / "A.parquet", **parquet_options(arrow))
    store = FeatureStore(tmp_path)
    store.write("B", THREE, SAID)
    pd.testing.assert_frame_equal(store.read("A").drop(columns="symbol"), THREE)
    pd.testing.assert_frame_equal(store.read("B").drop(columns="symbol"), THREE)
    assert list(store.write_manifest()["files"])[:2] == ["A.parquet", "B.parquet/2023-12.parquet"]
    store.write("A", THREE.iloc[:3], SAID)  # a folder takes its place
    assert len(store.read("A")) == 3


def rename(folder):
    """A month under another's name."""
    (folder / "2024-03.parquet").rename(folder / "2024-04.parquet")


def copy(folder):
    """A month twice."""
    shutil.copy(folder / "2024-03.parquet", folder / "2024-04.parquet")


def lose(folder):
    """A month that is gone."""
    (folder / "2024-02.parquet").unlink()


def add(folder):
    """A file that somebody put there."""
    (folder / "notes.txt").write_text("x")


def empty(folder):
    """All of them gone."""
    for path in folder.iterdir():
        path.unlink()


def other(folder):
    """A month with a column less."""
    path = folder / "2024-03.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["rsi"]), path)


@pytest.mark.parametrize(
    ("break_it", "listed", "plain"),
    [
        (rename, "2024-03.parquet: is not there, and manifest", "2024-04.parquet: holds rows"),
        (copy, "2024-04.parquet: is none of the files that manifest.json", "2024-04.parquet: holds rows"),
        (lose, "2024-02.parquet: is not there, and manifest.json lists it", None),
        (add, "notes.txt: is no month of the table", "notes.txt: is no month of the table"),
        (empty, "2023-12.parquet: is not there", "is a folder that holds no month"),
        (other, "2024-03.parquet: ", "2024-03.parquet: "),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["features", "candles"])
def test_a_folder_that_is_not_whole_is_one_line(break_it, listed, plain, kind, tmp_path):
    """With a manifest, and as far as files themselves tell without; the file is named."""
    if kind == "features":
        store = FeatureStore(tmp_path)
        store.write("A", THREE, SAID)
        store.write_manifest()
        read = lambda: FeatureStore(tmp_path).read("A")  # noqa: E731
    else:
        write_months(tmp_path / "A.parquet", THREE)
        write_listing(tmp_path, ["A"])
        read = lambda: read_table(tmp_path, "A")  # noqa: E731
    assert len(read()) == 9
    break_it(tmp_path / "A.parquet")
    with pytest.raises(DataError, match=listed) as error:
        read()
    assert "\n" not in str(error.value)
    (tmp_path / "manifest.json").unlink()
    if plain is None:
        assert len(read()) == 8
    else:
        with pytest.raises(DataError, match=plain):
            read()


def test_what_is_written_again_is_listed_again(tmp_path):
    """A table that has become shorter is not held against its former files."""
    store = FeatureStore(tmp_path)
    store.write("A", THREE, SAID)
    store.write_manifest()
    store.write("A", THREE.iloc[:2], SAID)
    assert len(store.read("A")) == 2
    assert list(json.loads((tmp_path / "manifest.json").read_text())["files"]) == []


def test_a_month_says_what_it_was_made_of_and_the_table_says_it_of_all(tmp_path):
    """Alike in all of them, it is the table's; else another one of all."""
    store = FeatureStore(tmp_path)
    store.write("A", THREE, SAID | {"input_version": "i"})
    assert store.schema("A").input_version == "i"
    store.write_month("B", THREE.iloc[:2], SAID | {"input_version": "i"})
    store.write_month("B", THREE.iloc[2:3], SAID | {"input_version": "j"})
    version = store.schema("B").input_version
    assert version not in (None, "i", "j")
    store.write_month("B", THREE.iloc[2:3], SAID | {"input_version": "k"})
    assert store.schema("B").input_version != version
    with pytest.raises(DataError, match=r"a month without a row has no file"):
        store.write_month("B", THREE.iloc[:0], SAID)


def test_candles_in_month_files_are_the_same_table(tmp_path):
    """Types, columns as asked, over any URL; an empty one is a file."""
    write_months(tmp_path / "A.parquet", THREE)
    write_table(tmp_path / "B.parquet", THREE)
    for columns in (None, ["rsi", "timestamp"]):
        pd.testing.assert_frame_equal(read_table(tmp_path, "A", columns), read_table(tmp_path, "B", columns))
    url = next(MEMORY)
    fsspec.open(url).fs.put(str(tmp_path), url, recursive=True)
    pd.testing.assert_frame_equal(read_table(url, "A"), THREE)
    write_months(tmp_path / "C.parquet", THREE.iloc[:0])
    assert len(read_table(tmp_path, "C")) == 0
