"""Tables of candles and what lies beside them: month files per symbol, or one file, read back as one table.

Feature tables are read by the feature store alone.
"""

import hashlib
import os
import posixpath
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.months import month_parts
from tapeline.outputs import write_json, write_table
from tapeline.store.remote import reached
from tapeline.store.row_groups import one_line, readable
from tapeline.store.table_files import MANIFEST, SUFFIX, TableFile, opened, table_files


def read_table(folder: Path | str, symbol: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read the table of one symbol, or some columns; DataError names the file that is missing or broken.

    folder : a path or any URL of fsspec, as `s3://bucket/candles`
    """
    path = f"{os.fspath(folder).rstrip('/')}/{symbol}{SUFFIX}"
    names = None if columns is None else list(columns)
    try:
        with reached(path):
            filesystem, root = fsspec.url_to_fs(path)
            files = table_files(filesystem, root, path)
            if files[0].month is None:
                with filesystem.open(root, "rb") if "://" in path else nullcontext(path) as source:
                    table = pd.read_parquet(source, columns=names)
            else:
                table = _read_months(filesystem, files, names)
        pa.default_memory_pool().release_unused()  # of what it was read into there is a copy now
        return table
    except FileNotFoundError:
        raise DataError(path, f"no such table; {folder} holds {_listed(folder)}") from None
    except ImportError as error:
        raise DataError(path, f"can't be opened: {one_line(error)}") from error
    except (OSError, ValueError) as error:
        raise DataError(path, f"not readable as Parquet: {one_line(error)}") from error


def _read_months(filesystem: Any, files: Sequence[TableFile], columns: list[str] | None) -> pd.DataFrame:
    months: list[pa.Table] = []
    for file in files:
        with opened(filesystem, file) as parquet, readable(file.where):
            month = parquet.read(columns=columns)
        if months and month.schema != months[0].schema:
            raise DataError(
                file.where, f"has other columns or types than {files[0].where}; make the table again"
            )
        months.append(month)
    table: pd.DataFrame = pa.concat_tables(months).to_pandas(self_destruct=True)
    return table


def write_months(path: Path, table: pd.DataFrame) -> None:
    """Write `table`, ascending `timestamp`, as month files in the folder `path`; without rows, a file."""
    times = table["timestamp"].to_numpy("datetime64[us]").view(np.int64)
    months = month_parts(times)
    for name, rows in months:
        write_table(path / f"{name}{SUFFIX}", table.iloc[rows])
    if not months:
        write_table(path, table)


def write_listing(folder: Path, symbols: Iterable[str]) -> None:
    """Write the manifest of the tables of `symbols` in `folder`: sha256 and bytes of each month file."""
    paths = [path for symbol in symbols for path in sorted((folder / f"{symbol}{SUFFIX}").glob(f"*{SUFFIX}"))]
    files = {
        path.relative_to(folder).as_posix(): {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
        }
        for path in paths
    }
    write_json(folder / MANIFEST, {"files": files})


def _listed(folder: Path | str) -> str:
    filesystem, root = fsspec.url_to_fs(os.fspath(folder))
    try:
        with reached(str(folder)):
            names = {posixpath.basename(path.rstrip("/")) for path in filesystem.ls(root, detail=False)}
    except OSError:
        names = set()
    return (
        ", ".join(sorted(name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))) or "nothing"
    )


def read_tables(
    folder: Path | str,
    symbols: tuple[str, ...],
    columns: Sequence[str] | None = None,
    within: tuple[pd.Timestamp, pd.Timestamp] | None = None,
) -> pd.DataFrame:
    """Read the tables of `symbols` below each other, a categorical column `symbol` in front.

    within : first and last `timestamp` of the rows that are kept, None: all
    """
    tables = [read_table(folder, symbol, columns) for symbol in symbols]
    if within is not None:
        tables = [table[table["timestamp"].between(*within)] for table in tables]
    sizes = [len(table) for table in tables]
    codes = np.repeat(np.arange(len(symbols)), sizes)
    names = pd.Categorical.from_codes(codes, categories=pd.Index(symbols))
    merged = pd.concat(tables, ignore_index=True)
    merged.insert(0, "symbol", pd.Series(names, index=merged.index))
    return merged


def read_bounds(folder: Path | str, symbols: tuple[str, ...]) -> pd.Series:
    """The first and last `timestamp` of every symbol's table, one below the other."""
    tables = (read_table(folder, symbol, ["timestamp"])["timestamp"] for symbol in symbols)
    return pd.concat([times.iloc[[0, -1]] for times in tables if len(times)], ignore_index=True)


def is_scorable(table: pd.DataFrame, label: str) -> NDArray[np.bool_]:
    """Whether each row of feature tables has `label` and a real candle; shape (n,).

    A filled candle repeats an older price: nobody could decide there, so it is not trained on or scored.
    """
    return (table[label].notna() & ~table["is_filled"]).to_numpy()
