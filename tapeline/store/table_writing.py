"""A feature table into its month files, here or elsewhere: all of them or none."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from tapeline.errors import DataError, broken_rule
from tapeline.months import month_parts
from tapeline.outputs import whole_file, whole_folder
from tapeline.schema import Symbol
from tapeline.store.remote import has_folders, reached
from tapeline.store.row_groups import one_line
from tapeline.store.table_files import SUFFIX
from tapeline.store.table_schema import TIMESTAMP, TableSchema, check_table, parquet_options, to_arrow


def as_months(
    where: str, symbol: str, table: pd.DataFrame, schema: Mapping[str, Any] | TableSchema
) -> dict[str, pa.Table]:
    """The Arrow tables of the months of `table`, by `YYYY-MM`; one without rows by an empty name.

    DataError, naming `where`, for a symbol, table or schema that can't be stored.
    """
    try:
        TypeAdapter(Symbol).validate_python(symbol)
    except ValidationError as error:
        raise DataError(where, f"symbol {symbol!r}: {broken_rule(error.errors()[0])}") from error
    checked = check_table(where, table)
    arrow = to_arrow(where, checked, TableSchema.of(where, checked, schema))
    times = checked[TIMESTAMP].to_numpy("datetime64[us]").view(np.int64)
    months = {name: arrow.slice(rows.start, rows.stop - rows.start) for name, rows in month_parts(times)}
    return months or {"": arrow}


def write_here(path: Path, months: Mapping[str, pa.Table]) -> None:
    """Write a table to the folder `path` on this machine; one without rows is a file."""
    if "" not in months:
        with whole_folder(path) as folder:
            for name, arrow in months.items():
                with (folder / f"{name}{SUFFIX}").open("wb") as sink:
                    pq.write_table(arrow, sink, **parquet_options(arrow))
        return
    if path.is_dir():
        shutil.rmtree(path)
    with whole_file(path) as aside:
        pq.write_table(months[""], aside, **parquet_options(months[""]))


def write_there(filesystem: Any, path: str, where: str, months: Mapping[str, pa.Table]) -> None:
    """Write a table elsewhere: all files in one transaction; then those of a former one are removed."""
    paths = {f"{path}/{month}{SUFFIX}" if month else path: each for month, each in months.items()}
    folder = path.rpartition("/")[0] if "" in months else path
    try:
        with reached(where):
            former, is_new = {*filesystem.find(path)} - {*paths}, not filesystem.exists(folder)
            if has_folders(filesystem):
                if path in former:  # a folder can't be made where a file lies
                    filesystem.rm_file(path)
                    former.remove(path)
                filesystem.makedirs(folder, exist_ok=True)
            try:
                # A transaction is each filesystem's own best: a rename, or an upload complete at its end.
                with filesystem.transaction:
                    for name, arrow in paths.items():
                        with filesystem.open(name, "wb") as sink:
                            pq.write_table(arrow, sink, **parquet_options(arrow))
            except BaseException:
                if is_new and has_folders(filesystem):
                    with suppress(OSError):
                        filesystem.rmdir(folder)
                raise
            for name in former:
                filesystem.rm_file(name)
    except (OSError, NotImplementedError) as error:
        raise DataError(where, f"can't be written: {one_line(error)}") from error
