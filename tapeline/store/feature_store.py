"""The feature store: one Parquet file per symbol under any fsspec URL, read by symbol, time and column."""

import difflib
import hashlib
import json
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from tapeline.errors import DataError
from tapeline.outputs import whole_file
from tapeline.schema import Symbol
from tapeline.store.remote import has_folders, reached
from tapeline.store.row_groups import (
    Slice,
    blocks,
    fill,
    filled_groups,
    find_rows,
    one_line,
    readable,
    time_bounds,
)
from tapeline.store.table_schema import (
    SYMBOL,
    TIMESTAMP,
    TableSchema,
    check_table,
    difference,
    parquet_options,
    to_arrow,
)

MANIFEST = "manifest.json"
SUFFIX = ".parquet"
COLUMNS_AT_ONCE = 10  # of a matrix: what is read beside it stays small

Time = str | datetime | pd.Timestamp


class FeatureStore:
    """Feature tables under `url`, a path or any URL of fsspec: `data/features`, `memory://x`, `s3://...`.

    `storage_options` go to the filesystem. Nothing is opened or listed before it is asked for; a store is
    made by its first write. Whoever writes calls `write_manifest` last.
    """

    def __init__(self, url: str | Path, **storage_options: Any) -> None:
        self.url = os.fspath(url).rstrip("/")
        try:
            self._fs, root = url_to_fs(self.url, **storage_options)
        except (ImportError, ValueError, OSError) as error:
            raise DataError(self.url, f"can't be opened: {one_line(error)}") from error
        self._root = root.rstrip("/")

    def symbols(self) -> list[str]:
        """Names of the symbols that have a table, sorted."""
        try:
            with reached(self.url):
                self._fs.invalidate_cache()  # others may have written since the last listing
                names = [posixpath.basename(path) for path in self._fs.ls(self._root, detail=False)]
        except OSError as error:
            raise DataError(self.url, f"no such store: {one_line(error)}") from error
        return sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX) and name[0] != ".")

    def schema(self, symbol: str) -> TableSchema:
        """What the file of `symbol` says of itself; only its footer is read."""
        with self._open(symbol) as file:
            return self._schema(symbol, file)

    def extent(self, symbol: str) -> dict[str, Any]:
        """`rows`, `first`, `last` (ISO 8601, None without rows) and `feature_version`, from the footer."""
        with self._open(symbol) as file:
            version = self._schema(symbol, file).feature_version
            bounds = [time_bounds(file, group) for group in filled_groups(file)]
            return {
                "rows": file.metadata.num_rows,
                "first": _iso(bounds[0][0]) if bounds else None,
                "last": _iso(bounds[-1][1]) if bounds else None,
                "feature_version": version,
            }

    def manifest(self) -> dict[str, Any]:
        """Read `manifest.json`: of each file under `files`, its sha256, bytes and extent, as last written."""
        try:
            with reached(self.url):
                manifest: dict[str, Any] = json.loads(self._fs.cat_file(self._path(MANIFEST)))
            return manifest
        except FileNotFoundError:
            raise DataError(self._where(MANIFEST), "is not there; write_manifest() makes it") from None
        except (OSError, ValueError) as error:
            raise DataError(self._where(MANIFEST), f"not readable: {one_line(error)}") from error

    def read(
        self,
        symbols: Sequence[str] | str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        columns: Sequence[str] | str | None = None,
    ) -> pd.DataFrame:
        """Rows with start <= timestamp < end of `symbols` (None: all, by name), below each other as asked.

        Times need a zone. `symbol` (categorical) and `timestamp` come in front, then `columns` as asked
        (None: all, in the file's order). Of each file only the row groups in time and the asked columns
        are read, every row group straight into the result. Raises DataError for a symbol or column that
        is not there, and for symbols whose schemas differ in more than their input: read those apart.
        """
        names = self._asked_symbols(symbols)
        first, after = _microseconds("start", start), _microseconds("end", end)
        if first is not None and after is not None and first > after:
            raise DataError("start", f"{start} is after end {end}")
        with self._rows(names, first, after) as (schema, slices):
            sizes = [len(slice_.times) for slice_ in slices]
            column_names = self._asked_columns(names[0], schema, columns)
            arrays = {name: np.empty(sum(sizes), schema.dtypes[name]) for name in column_names}
            fill(slices, arrays)
        codes = np.repeat(np.arange(len(names)), sizes)
        times = np.concatenate([slice_.times for slice_ in slices]).view("datetime64[us]")
        keys = {
            SYMBOL: pd.Categorical.from_codes(codes, categories=pd.Index(names)),
            TIMESTAMP: pd.DatetimeIndex(times, tz="UTC"),
        }
        return pd.DataFrame(keys | arrays, copy=False)

    def read_matrix(self, symbols: Sequence[str], columns: Sequence[str]) -> NDArray[np.float32]:
        """All rows of `symbols` below each other, (N, F), of features in order of `columns`; held once."""
        names = self._asked_symbols(symbols)
        with self._rows(names, None, None) as (schema, slices):
            column_names = self._asked_columns(names[0], schema, columns)
            matrix = np.empty((sum(len(slice_.times) for slice_ in slices), len(column_names)), np.float32)
            for k in range(0, len(column_names), COLUMNS_AT_ONCE):
                some = column_names[k : k + COLUMNS_AT_ONCE]
                fill(slices, dict(zip(some, matrix[:, k:].T, strict=False)))
        return matrix

    def read_blocks(self, symbols: Sequence[str], columns: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the rows of `read_matrix` in order, (n, F), a row group at a time."""
        names = self._asked_symbols(symbols)
        with self._rows(names, None, None) as (schema, slices):
            yield from blocks(slices, self._asked_columns(names[0], schema, columns))

    def write(self, symbol: str, table: pd.DataFrame, schema: Mapping[str, Any] | TableSchema) -> None:
        """Write the table of `symbol`, whole or not at all; same table and schema, same bytes.

        table : `timestamp` (UTC, strictly rising) and columns of numbers or booleans; its index is left out
        schema : `feature_version, horizon, interval, features` (each a mapping or record with `name, group,
            lookback, meaning`) and, if known, `input_version`; or the TableSchema of another such table
        """
        where = self._where(symbol + SUFFIX)
        try:
            TypeAdapter(Symbol).validate_python(symbol)
        except ValidationError as error:
            raise DataError(where, f"symbol {symbol!r}: {error.errors()[0]['msg']}") from error
        checked = check_table(where, table)
        arrow = to_arrow(where, checked, TableSchema.of(where, checked, schema))
        with self._whole(symbol + SUFFIX) as sink:
            pq.write_table(arrow, sink, **parquet_options(arrow))

    def write_manifest(self) -> dict[str, Any]:
        """Hash every file and write `manifest.json` beside them; return it."""
        files = {}
        for symbol in self.symbols():
            path = self._path(symbol + SUFFIX)
            with self._fs.open(path, "rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = self._fs.size(path)
            files[symbol + SUFFIX] = {"sha256": digest, "bytes": size, **self.extent(symbol)}
        manifest = {"files": files}
        with self._whole(MANIFEST) as sink:
            sink.write((json.dumps(manifest, indent=2) + "\n").encode())
        return manifest

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if self._root else name

    def _where(self, name: str) -> str:
        return f"{self.url}/{name}"

    @contextmanager
    def _open(self, symbol: str) -> Iterator[pq.ParquetFile]:
        path, where = self._path(symbol + SUFFIX), self._where(symbol + SUFFIX)
        with ExitStack() as stack:
            try:
                with readable(where):
                    # Uncached, only the asked ranges come over the wire; Arrow joins those that are near.
                    source = stack.enter_context(self._fs.open(path, "rb", cache_type="none"))
                    file = stack.enter_context(pq.ParquetFile(source, pre_buffer=True))
            except FileNotFoundError:
                raise _unknown(self.url, "symbol", symbol, self.symbols()) from None
            yield file

    @contextmanager
    def _rows(
        self, names: Sequence[str], first: int | None, after: int | None
    ) -> Iterator[tuple[TableSchema, list[Slice]]]:
        """Yield the schema that the tables `names` share, and their rows in time, the files still open."""
        with ExitStack() as stack:
            files = {name: stack.enter_context(self._open(name)) for name in names}
            schemas = {name: self._schema(name, file) for name, file in files.items()}
            self._check_alike(schemas)
            where = [self._where(name + SUFFIX) for name in names]
            slices = [find_rows(*of, first, after) for of in zip(where, files.values(), strict=True)]
            yield schemas[names[0]], slices

    @contextmanager
    def _whole(self, name: str) -> Iterator[BinaryIO]:
        """Yield a file to write to, which appears as `name` once whole."""
        path = self._path(name)
        if isinstance(self._fs, LocalFileSystem):
            with whole_file(path) as aside, aside.open("wb") as sink:
                yield sink
            return
        try:
            if has_folders(self._fs):
                self._fs.makedirs(self._root, exist_ok=True)
            # A transaction is each filesystem's own best: a rename, or an upload made complete at its end.
            with reached(self.url), self._fs.transaction, self._fs.open(path, "wb") as sink:
                yield sink
        except (OSError, NotImplementedError) as error:
            raise DataError(self._where(name), f"can't be written: {one_line(error)}") from error

    def _schema(self, symbol: str, file: pq.ParquetFile) -> TableSchema:
        return TableSchema.from_arrow(self._where(symbol + SUFFIX), file.schema_arrow)

    def _check_alike(self, schemas: dict[str, TableSchema]) -> None:
        (first, expected), *others = ((name, schema.shared) for name, schema in schemas.items())
        for other, shared in others:
            for key, value in expected.items():
                if shared[key] != value:
                    message = f"{first} and {other} differ in {key}: {difference(value, shared[key])}"
                    raise DataError(self.url, f"{message}; read them apart")

    def _asked_symbols(self, symbols: Sequence[str] | str | None) -> list[str]:
        names = self.symbols() if symbols is None else _as_list("symbols", symbols)
        if not names:
            what = "holds no feature table" if symbols is None else "no symbol is asked for"
            raise DataError(self.url, what)
        return names

    def _asked_columns(
        self, symbol: str, schema: TableSchema, columns: Sequence[str] | str | None
    ) -> list[str]:
        there = [name for name in schema.dtypes if name != TIMESTAMP]
        asked = there if columns is None else _as_list("columns", columns)
        for name in asked:
            if name not in (SYMBOL, TIMESTAMP, *there):
                raise _unknown(self._where(symbol + SUFFIX), "column", name, there)
        return [name for name in asked if name not in (SYMBOL, TIMESTAMP)]


def _microseconds(name: str, time: Time | None) -> int | None:
    """Whole microseconds since 1970 that are not before `time`: between two of them nothing is stored."""
    if time is None:
        return None
    try:
        stamp = pd.Timestamp(time)
    except (TypeError, ValueError) as error:
        raise DataError(name, f"{time!r} is no time") from error
    if stamp.tz is None:  # nor has NaT one
        raise DataError(name, f"{time!s} has no time zone; give it one, as in 2024-01-01T00:00:00Z")
    floor = stamp.floor("us").as_unit("us")
    return int(floor.asm8.astype(np.int64)) + (floor < stamp)


def _iso(microseconds: int) -> str:
    return pd.Timestamp(microseconds, unit="us", tz="UTC").isoformat().replace("+00:00", "Z")


def _as_list(what: str, asked: Iterable[str]) -> list[str]:
    names = [asked] if isinstance(asked, str) else list(asked)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(what, f"{twice} is asked for twice")
    return names


def _unknown(where: str, what: str, name: str, there: Sequence[str]) -> DataError:
    close = difflib.get_close_matches(name, there, n=3)
    listed = ", ".join([*close, *(other for other in there if other not in close)])
    return DataError(where, f"no {what} {name!r}; there is {listed or 'nothing'}")
