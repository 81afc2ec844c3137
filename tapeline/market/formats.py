"""File formats: bytes of a candle file into cells, whatever they mean."""

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from tapeline.errors import DataError
from tapeline.market.archives import check_size, unpack_gzip, unpack_zip

Parsed = tuple[pd.DataFrame, bool]  # cells, and whether the columns have names
BROKEN = (
    pa.ArrowException,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    csv.Error,
)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
FOREIGN_SEPARATORS = ";\t|"  # of columns; where they are used, a comma may be the decimal point
N_SEPARATORS = 5  # in a line of six columns


def extension_of(path: Path) -> str | None:
    """Name the format that `path` has by its ending, None if it is none of FORMATS."""
    return next((known for known in FORMATS if path.name.lower().endswith(f".{known}")), None)


def stem_of(path: Path) -> str:
    """Return the name of `path` without the ending of its format."""
    known = extension_of(path)
    return path.name[: -len(known) - 1] if known else path.stem


def read_cells(path: Path) -> Parsed:
    """Read the file at `path`, whose format is known; DataError in one line if it can't be."""
    extension = extension_of(path)
    unpack, parse = FORMATS[extension]
    try:
        return parse(unpack(path.read_bytes()))
    except BROKEN as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        told = " ".join(told.split()).replace("Row #", "line ")  # Arrow counts lines, not data rows
        raise DataError(path, f"not readable as {extension}: {told}") from error


def _parse_parquet(content: bytes) -> Parsed:
    file = pa.parquet.ParquetFile(pa.BufferReader(content))
    check_size(8 * file.metadata.num_rows * file.metadata.num_columns)  # equal values pack without limit
    return file.read().to_pandas(ignore_metadata=True), True


def _parse_feather(content: bytes) -> Parsed:
    return pa.feather.read_table(pa.BufferReader(content)).to_pandas(ignore_metadata=True), True


def _parse_csv(content: bytes) -> Parsed:
    first = next((line for line in io.BytesIO(content) if line.strip()), b"")
    if first.startswith(UTF_16) or b"\0" in first:
        raise ValueError("is UTF-16 or no text; save it as UTF-8")
    cells = next(csv.reader([first.decode("utf-8-sig")]), [])
    if not cells:
        return pd.DataFrame(), False
    foreign = next((s for s in FOREIGN_SEPARATORS if first.count(s.encode()) >= N_SEPARATORS), None)
    if foreign:
        raise ValueError(f"separates columns by {foreign!r}; write ',' between columns, '.' in decimals")
    has_header = not any(map(_is_number, cells))
    options = pa.csv.ReadOptions(use_threads=False, autogenerate_column_names=not has_header)  # counts rows
    table = pa.csv.read_csv(pa.BufferReader(content), options)
    names = table.column_names if has_header else range(table.num_columns)
    return table.to_pandas(ignore_metadata=True).set_axis(names, axis=1), has_header


def _parse_json(content: bytes) -> Parsed:
    rows = _load_json(content)
    if not isinstance(rows, list):
        raise ValueError(f"must be an array of rows, and is {str(rows)[:60]}")
    kinds = set(map(type, rows))
    if kinds <= {dict}:
        return pd.DataFrame(rows), True
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    if kinds != {list} or set(map(len, rows)) != {width}:
        number, row = next(
            (n, row) for n, row in enumerate(rows, start=1) if not isinstance(row, list) or len(row) != width
        )
        raise ValueError(f"row {number} must be an array as long as the first, and is {str(row)[:60]}")
    return pd.DataFrame(rows), False


def _load_json(content: bytes) -> Any:
    try:
        return orjson.loads(content)  # twice as fast
    except orjson.JSONDecodeError:
        return json.loads(content)  # takes NaN and a byte order mark, and says better what is wrong


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _as_is(content: bytes) -> bytes:
    return content


# Longer extensions first, since the first that fits is taken.
FORMATS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], Parsed]]] = {
    "parquet": (_as_is, _parse_parquet),
    "feather": (_as_is, _parse_feather),
    "csv": (_as_is, _parse_csv),
    "csv.gz": (unpack_gzip, _parse_csv),
    "csv.zip": (unpack_zip, _parse_csv),
    "zip": (unpack_zip, _parse_csv),
    "json": (_as_is, _parse_json),
    "json.gz": (unpack_gzip, _parse_json),
}
