"""Small files made to fill memory, or to last: refused by what they declare, in one line and at once."""

import io
import json
import resource
import signal
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest

from tapeline.errors import DataError
from tapeline.market import limits
from tapeline.market.arrow_sizes import feather_size
from tapeline.market.formats import read_cells
from tapeline.market.hdf import BLOSC
from tapeline.market.limits import bounded
from tapeline.schema import OHLCV
from tests.candles import random_candles

N_EQUAL = 500_000
FEW = 64 * 2**20  # bytes of memory that a refusal may take, imports included


def equal(n=N_EQUAL, **columns):
    """A table of equal candles, which pack to nothing."""
    return pa.table({"timestamp": np.full(n, 1_514_764_800)} | {name: np.ones(n) for name in OHLCV} | columns)


def long_text(n):
    """A column of one text of 10,000 characters, kept once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, "int32")), pa.array(["x" * 10_000]))


def nested(n, length):
    """A column of lists of noughts."""
    return pa.ListArray.from_arrays(np.arange(n + 1, dtype="int32") * length, pa.array(np.zeros(n * length)))


def feather(table, **options):
    """Bytes of a Feather file."""
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, chunksize=len(table), **options)
    return sink.getvalue()


def parquet(table):
    """Bytes of a Parquet file."""
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink, compression="zstd", store_schema=False)
    return sink.getvalue()


def hdf(shape, chunks, **options):
    """Bytes of an HDF5 file whose table was never written: HDF5 keeps none of its noughts."""
    sink = io.BytesIO()
    kind = np.dtype([("index", "i8"), ("values_block_0", "f8", (5,))])
    with h5py.File(sink, "w") as file:
        file.create_dataset("a/table", shape, kind, chunks=chunks, **options)
    return sink.getvalue()


def objects(n):
    """JSON rows of which each has a name that no other has."""
    return json.dumps([dict.fromkeys(("timestamp", *OHLCV, f"k{i}"), 1) for i in range(n)]).encode()


RATIO, SIZE, SHAPE = (
    "times its .*, which no candles do",
    "bytes, more than the .* are read",
    "more than the .* ",
)
BOMBS = {
    "feather.feather": (lambda: feather(equal(), compression="zstd"), RATIO),
    "lz4.feather": (lambda: feather(equal(), compression="lz4"), RATIO),
    "text.feather": (lambda: feather(equal(2**17, symbol=long_text(2**17))), SIZE),
    "rows.feather": (lambda: feather(pa.table({"x": pa.nulls(20_000_001)})), SHAPE + "that are read"),
    "equal.parquet": (lambda: parquet(equal()), RATIO),
    "text.parquet": (lambda: parquet(equal(2**17, symbol=long_text(2**17))), SIZE),
    "lists.parquet": (lambda: parquet(equal(1000, x=nested(1000, 2500))), RATIO),
    "rows.h5": (lambda: hdf((10**7,), (1000,)), RATIO),
    "gigabytes.h5": (lambda: hdf((10**12,), (1000,)), SHAPE),
    "names.json": (lambda: objects(1001), SHAPE),
    "columns.json": (lambda: json.dumps({f"k{i}": [1] for i in range(10**5)}).encode(), SHAPE),
    "empty.json": (lambda: b"[" + b"[]," * 50_000_001 + b"[]]", "values, more than the .* that are read"),
    "columns.csv": (
        lambda: b",".join([b"timestamp", *[b"k"] * 20_000]) + b"\n" + b"1," * 20_000 + b"1\n",
        SHAPE,
    ),
    "rows.csv": (lambda: b"timestamp,open,high,low,close,volume\n" + b",,,,,\n" * 20_000_001, SHAPE),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_fills_memory_is_refused_before_it_does(tmp_path, name):
    """File, declared size, limit and what to do, in one line, within a second and little memory."""
    make, told = BOMBS[name]
    (tmp_path / name).write_bytes(make())
    peak, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(
        DataError, match=f"{name}: not readable as {Path(name).suffix[1:]}: .*{told}.*; "
    ) as error:
        read_cells(tmp_path / name)
    assert "\n" not in str(error.value)
    assert time.process_time() - started < 2
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    assert grown * 1024 < FEW + (tmp_path / name).stat().st_size


def test_a_chunk_larger_than_its_table_is_refused(tmp_path):
    """HDF5's chunks are as large as they say, be there one row in them."""
    kind = np.dtype([("index", "i8"), ("values_block_0", "f8", (5,))])
    with h5py.File(tmp_path / "a.h5", "w") as file:
        table = file.create_dataset(
            "a/table",
            (1,),
            kind,
            chunks=(40_000_000,),
            maxshape=(None,),
            compression=BLOSC,
            allow_unknown_filter=True,
        )
        table.id.write_direct_chunk((0,), b"\2\1\0\0" + (40_000_000 * 48).to_bytes(4, "little") + bytes(100))
    with pytest.raises(DataError, match=r"a.h5: .*unpacks to 1,920,000,000 bytes, more than the"):
        read_cells(tmp_path / "a.h5")


@pytest.mark.parametrize("compression", ["zstd", "lz4", "uncompressed"])
def test_the_size_of_a_feather_is_read_before_it_is_unpacked(compression):
    """All buffers of all batches, to the padding of each; the same rows."""
    candles = random_candles(5000)[["timestamp", *OHLCV]].assign(
        symbol="BTC", side=pd.Categorical(["a"] * 5000)
    )
    table = pa.Table.from_pandas(candles)
    sink = io.BytesIO()
    pa.feather.write_feather(table, sink, compression=compression, chunksize=1024)
    n_bytes, n_rows = feather_size(sink.getvalue())
    assert n_rows == 5000
    assert n_bytes == pytest.approx(table.nbytes, rel=0.02)


@pytest.mark.parametrize("at", range(0, 2000, 37))
def test_broken_metadata_of_a_feather_is_an_error_of_its_own(at):
    """Whatever stands in the flatbuffer."""
    content = bytearray(feather(equal(50)))
    content[8 + at : 12 + at] = b"\xff\xff\xff\x7f"
    try:
        feather_size(bytes(content))
    except (ValueError, pa.ArrowException, OSError):
        return


def test_texts_and_categories_are_read_as_they_are(tmp_path):
    """However they are kept, a text is a text."""
    table = equal(3, symbol=pa.array(["A", None, "A"]).dictionary_encode(), zone=["x", "y", None])
    for name, content in (("a.feather", feather(table)), ("a.parquet", parquet(table))):
        (tmp_path / name).write_bytes(content)
        read = read_cells(tmp_path / name).table
        assert read["symbol"].isna().tolist() == [False, True, False]
        assert (read["symbol"][0], read["zone"][1], str(read["symbol"].dtype)) == ("A", "y", "str")


def test_memory_beyond_the_limit_is_refused_in_one_line(monkeypatch):
    """Whatever a file says of itself; then the process may have memory as before."""
    monkeypatch.setattr(limits, "MAX_MEMORY", 2**28)
    before = resource.getrlimit(resource.RLIMIT_DATA)
    told = r"^a\.csv: takes more than 268,435,456 bytes of memory to read \(.*\); split it by time"
    with pytest.raises(DataError, match=told), bounded(Path("a.csv")):
        np.ones(2**26)
    assert resource.getrlimit(resource.RLIMIT_DATA) == before
    with bounded(Path("a.csv")):
        np.ones(2**24)


def test_time_beyond_the_limit_is_refused_in_one_line(tmp_path, monkeypatch):
    """Of the processor, wherever it goes; no alarm is left behind."""
    monkeypatch.setattr(limits, "MAX_SECONDS", 0.05)
    (tmp_path / "a.json").write_text("[[1]]")
    monkeypatch.setitem(read_cells.__globals__["PARSERS"], "json", lambda content: [0 for _ in iter(int, 1)])
    with (
        pytest.raises(
            DataError, match=r"a.json: not readable as json: takes more than 0.05 s to read; split it"
        ),
        bounded(tmp_path / "a.json"),
    ):
        read_cells(tmp_path / "a.json")
    assert signal.getitimer(signal.ITIMER_PROF) == (0, 0)
