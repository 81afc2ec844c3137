"""What the footers of a table's files say: one schema, and which file has which rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from tapeline.errors import DataError
from tapeline.store.row_groups import filled_groups, time_bounds
from tapeline.store.table_files import TableFile, opened
from tapeline.store.table_schema import TableSchema, difference


@dataclass(frozen=True)
class TablePart:
    """One file of a table, and what its footer says.

    bounds : first and last time of its rows, microseconds since 1970; None where it has no row
    """

    file: TableFile
    schema: TableSchema
    metadata: pq.FileMetaData
    bounds: tuple[int, int] | None


def table_parts(
    filesystem: Any, files: Sequence[TableFile], first: int | None, after: int | None
) -> list[TablePart]:
    """Those of a table's `files` that may have rows with first <= time < after, microseconds; at least one.

    DataError names the file that is broken, holds another month's rows or is of another schema.
    """
    in_time = [file for file in files if _may_hold(file, first, after)] or files[:1]
    parts = [_part(filesystem, file) for file in in_time]
    for part in parts[1:]:
        _require_alike(part, parts[0])
    return parts


def extent_of(parts: Sequence[TablePart]) -> dict[str, Any]:
    """`rows`, `first`, `last` (ISO 8601, None without rows) and `feature_version` of files of one table."""
    bounds = [part.bounds for part in parts if part.bounds]
    return {
        "rows": sum(part.metadata.num_rows for part in parts),
        "first": _iso(bounds[0][0]) if bounds else None,
        "last": _iso(bounds[-1][1]) if bounds else None,
        "feature_version": parts[0].schema.feature_version,
    }


def _part(filesystem: Any, file: TableFile) -> TablePart:
    with opened(filesystem, file) as parquet:
        schema = TableSchema.from_arrow(file.where, parquet.schema_arrow)
        groups = [time_bounds(parquet, group) for group in filled_groups(parquet)]
        bounds = (groups[0][0], groups[-1][1]) if groups else None
        return TablePart(file, schema, parquet.metadata, bounds)


def _may_hold(file: TableFile, first: int | None, after: int | None) -> bool:
    """Whether rows of `file` may lie in time, as far as its name says."""
    if file.month is None:
        return True
    start = np.datetime64(file.month, "M")
    begin, end = (int(month.astype("datetime64[us]").astype(np.int64)) for month in (start, start + 1))
    return (first is None or first < end) and (after is None or after > begin)


def _require_alike(part: TablePart, other: TablePart) -> None:
    expected, shared = other.schema.shared, part.schema.shared
    for key, value in expected.items():
        if shared[key] != value:
            message = f"differs from {other.file.where} in {key}: {difference(shared[key], value)}"
            raise DataError(part.file.where, f"{message}; make the table again")


def _iso(microseconds: int) -> str:
    return pd.Timestamp(microseconds, unit="us", tz="UTC").isoformat().replace("+00:00", "Z")
