"""The feature store: a table per symbol, in month files, under any fsspec URL."""

import difflib
import hashlib
import json
import os
import posixpath
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.outputs import whole_file
from tapeline.store.remote import has_folders, reached
from tapeline.store.row_groups import Slice, blocks, fill, find_rows, one_line
from tapeline.store.table_files import (
    MANIFEST,
    SUFFIX,
    TableFile,
    months_listed,
    opened,
    read_manifest,
    table_files,
)
from tapeline.store.table_parts import TablePart, extent_of, table_parts
from tapeline.store.table_schema import SYMBOL, TIMESTAMP, TableSchema, difference, parquet_options
from tapeline.store.table_writing import as_months, write_here, write_there

COLUMNS_AT_ONCE = 10  # of a matrix: what is read beside it stays small

Time = str | datetime | pd.Timestamp
NOTHING: Mapping[str, str] = MappingProxyType({})


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
                names = [
                    posixpath.basename(path.rstrip("/")) for path in self._fs.ls(self._root, detail=False)
                ]
        except OSError as error:
            why = "" if isinstance(error, FileNotFoundError) else f": {one_line(error)}"
            raise DataError(self.url, f"no such store{why}") from error
        # An object store may hold a file and a folder of one name.
        return sorted(
            {name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX) and name[0] != "."}
        )

    def schema(self, symbol: str) -> TableSchema:
        """What the files of `symbol` say of themselves; only their footers are read.

        `input_version` is what all of them say alike, or else a hash of what each says.
        """
        parts = self._parts(symbol)
        inputs = dict.fromkeys(part.schema.input_version for part in parts)
        version = next(iter(inputs))
        if len(inputs) > 1:
            told = "\n".join(f"{part.file.month} {part.schema.input_version}" for part in parts)
            version = hashlib.sha256(told.encode()).hexdigest()[:16]
        return parts[0].schema.model_copy(update={"input_version": version})

    def extent(self, symbol: str) -> dict[str, Any]:
        """`rows`, `first`, `last` (ISO 8601, None without rows) and `feature_version`, from the footers."""
        return extent_of(self._parts(symbol))

    def file_extent(self, name: str) -> dict[str, Any]:
        """The extent of one file, by its name in the manifest: SYMBOL.parquet/2024-01.parquet."""
        month = posixpath.basename(name).removesuffix(SUFFIX) if "/" in name else None
        file = TableFile(self._where(name), self._path(name), month)
        try:
            return extent_of(table_parts(self._fs, [file], None, None))
        except FileNotFoundError:
            raise DataError(self._where(name), "no such file") from None

    def manifest(self) -> dict[str, Any]:
        """Read `manifest.json`: of each file under `files`, its sha256, bytes and extent, as last written."""
        manifest = read_manifest(self._fs, self._path(MANIFEST), self._where(MANIFEST))
        if not manifest:
            raise DataError(self._where(MANIFEST), "is not there; write_manifest() makes it")
        return manifest

    def read(
        self,
        symbols: Sequence[str] | str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        columns: Sequence[str] | str | None = None,
    ) -> pd.DataFrame:
        """Rows with start <= timestamp < end of `symbols` (None: all, by name), below each other as asked.

        Times need a zone. `symbol` (categorical) and `timestamp` come in front, then `columns` as asked
        (None: all, in the file's order). Only files of months in time are opened; of each only the row
        groups in time and the asked columns are read, every row group straight into the result. Raises
        DataError for a symbol or column that is not there, and for symbols whose schemas differ in more than
        their input: read those apart.
        """
        names = self._asked_symbols(symbols)
        first, after = _microseconds("start", start), _microseconds("end", end)
        if first is not None and after is not None and first > after:
            raise DataError("start", f"{start} is after end {end}")
        schema, by_symbol = self._rows(names, first, after)
        slices = [slice_ for own in by_symbol for slice_ in own]
        sizes = [sum(len(slice_.times) for slice_ in own) for own in by_symbol]
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
        schema, by_symbol = self._rows(names, None, None)
        slices = [slice_ for own in by_symbol for slice_ in own]
        column_names = self._asked_columns(names[0], schema, columns)
        matrix = np.empty((sum(len(slice_.times) for slice_ in slices), len(column_names)), np.float32)
        for k in range(0, len(column_names), COLUMNS_AT_ONCE):
            some = column_names[k : k + COLUMNS_AT_ONCE]
            fill(slices, dict(zip(some, matrix[:, k:].T, strict=False)))
        return matrix

    def read_blocks(self, symbols: Sequence[str], columns: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """Yield the rows of `read_matrix` in order, (n, F), a row group at a time."""
        names = self._asked_symbols(symbols)
        schema, by_symbol = self._rows(names, None, None)
        for own in by_symbol:
            yield from blocks(own, self._asked_columns(names[0], schema, columns))

    def located(self, symbol: str) -> tuple[TableSchema, list[Slice]]:
        """The schema of the table of `symbol` and where its rows lie, for who reads column after column."""
        schema, (slices,) = self._rows([symbol], None, None)
        return schema, slices

    def write(self, symbol: str, table: pd.DataFrame, schema: Mapping[str, Any] | TableSchema) -> None:
        """Write the table of `symbol`, whole or not at all, a file a UTC month; same table, same bytes.

        table : `timestamp` (UTC, strictly rising) and columns of numbers or booleans; its index is left out.
            One without rows is one file.
        schema : `feature_version, horizon, interval, features` (each a mapping or record with `name, group,
            lookback, meaning`) and, if known, `input_version`; or the TableSchema of another such table
        """
        where, path = self._where(symbol + SUFFIX), self._path(symbol + SUFFIX)
        months = as_months(where, symbol, table, schema)
        if isinstance(self._fs, LocalFileSystem):
            write_here(Path(path), months)
        else:
            write_there(self._fs, path, where, months)
        manifest = read_manifest(self._fs, self._path(MANIFEST), self._where(MANIFEST))
        if months_listed(manifest, symbol + SUFFIX):  # it lists what was there before
            files = {k: v for k, v in manifest["files"].items() if not k.startswith(f"{symbol}{SUFFIX}/")}
            self._put_manifest({"files": files})

    def write_month(self, symbol: str, table: pd.DataFrame, schema: Mapping[str, Any] | TableSchema) -> str:
        """Write one month of the table of `symbol`, beside those that are there; return the file's path.

        The table is whole, or readable, when all of its months are written: a folder that is filled aside and
        then renamed is the place for that. `input_version` is the month's own.
        """
        ((name, arrow),) = as_months(self._where(symbol + SUFFIX), symbol, table, schema).items()
        if not name:
            raise DataError(self._where(symbol + SUFFIX), "a month without a row has no file")
        with self._whole(f"{symbol}{SUFFIX}/{name}{SUFFIX}") as sink:
            pq.write_table(arrow, sink, **parquet_options(arrow))
        return self._path(f"{symbol}{SUFFIX}/{name}{SUFFIX}")

    def write_manifest(self, hashes: Mapping[str, str] = NOTHING) -> dict[str, Any]:
        """Hash every file and write `manifest.json` beside them; return it.

        hashes : sha256 of files, by their name in the manifest, that whoever wrote them knows already
        """
        files = {}
        for symbol in self.symbols():
            for part in self._parts(symbol, is_listed=False):
                path = part.file.path
                name = symbol + SUFFIX + (f"/{part.file.month}{SUFFIX}" if part.file.month else "")
                digest = hashes.get(name)
                if digest is None:
                    with self._fs.open(path, "rb") as file:
                        digest = hashlib.file_digest(file, "sha256").hexdigest()
                files[name] = {"sha256": digest, "bytes": self._fs.size(path), **extent_of([part])}
        manifest = {"files": files}
        self._put_manifest(manifest)
        return manifest

    def _put_manifest(self, manifest: dict[str, Any]) -> None:
        with self._whole(MANIFEST) as sink:
            sink.write((json.dumps(manifest, indent=2) + "\n").encode())

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if self._root else name

    def _where(self, name: str) -> str:
        return f"{self.url}/{name}"

    def _parts(
        self, symbol: str, first: int | None = None, after: int | None = None, is_listed: bool = True
    ) -> list[TablePart]:
        name = symbol + SUFFIX
        try:
            files = table_files(self._fs, self._path(name), self._where(name), is_listed)
            return table_parts(self._fs, files, first, after)
        except FileNotFoundError:
            raise _unknown(self.url, "symbol", symbol, self.symbols()) from None

    def _rows(
        self, names: Sequence[str], first: int | None, after: int | None
    ) -> tuple[TableSchema, list[list[Slice]]]:
        """The schema that the tables `names` share, and of each the rows in time, file by file."""
        parts = {name: self._parts(name, first, after) for name in names}
        self._check_alike({name: own[0].schema for name, own in parts.items()})
        slices = [
            [
                find_rows(part.file.where, partial(opened, self._fs, part.file, part.metadata), first, after)
                for part in own
            ]
            for own in parts.values()
        ]
        return parts[names[0]][0].schema, slices

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
