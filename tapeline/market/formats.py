"""File formats: parse the bytes of a candle file into a table of cells."""

import csv
import zipfile
import zlib
from lzma import LZMAError
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.feather
import pyarrow.parquet

from tapeline.errors import DataError
from tapeline.market.archives import PACKINGS, unpack_zip
from tapeline.market.arrow_sizes import feather_size, parquet_size
from tapeline.market.cell_tables import Cells
from tapeline.market.json_rows import parse_json, parse_json_lines
from tapeline.market.layouts import NO_NAME, TIMES, normalise
from tapeline.market.limits import check_shape, check_size
from tapeline.market.texts import parse_text

BROKEN = (
    pa.ArrowException, OSError, EOFError, ValueError, LookupError, ArithmeticError, RuntimeError, TypeError,
    zipfile.BadZipFile, zlib.error, LZMAError, csv.Error,
)  # fmt: skip
ZIP = "zip"
MAX_DEPTH = 3  # of archives in archives


def _parse_parquet(content: bytes) -> Cells:
    metadata = pa.parquet.read_metadata(pa.BufferReader(content))
    check_shape(metadata.num_rows, metadata.num_columns)
    check_size(parquet_size(metadata), len(content))
    # Texts as dictionaries, which take what they take in the file: a long one repeated packs without limit.
    names = [metadata.schema.column(k).path for k in range(metadata.num_columns)]
    is_text = [metadata.schema.column(k).physical_type == "BYTE_ARRAY" for k in range(metadata.num_columns)]
    texts = [name for name, is_one in zip(names, is_text, strict=True) if is_one]
    return _parse_arrow(pa.parquet.ParquetFile(pa.BufferReader(content), read_dictionary=texts).read())


def _parse_feather(content: bytes) -> Cells:
    n_bytes, n_rows = feather_size(content)
    check_shape(n_rows, 0)
    check_size(n_bytes, len(content))
    return _parse_arrow(pa.feather.read_table(pa.BufferReader(content)))


def _parse_hdf(content: bytes) -> Cells:
    from tapeline.market.hdf import parse_hdf

    return parse_hdf(content)


def _parse_arrow(table: pa.Table) -> Cells:
    """Take the columns of `table`; where its index has a name of its own and holds times, as one without."""
    index = (table.schema.pandas_metadata or {}).get("index_columns", [])
    names = table.column_names
    check_shape(table.num_rows, table.num_columns)
    is_named = any(normalise(name) in TIMES for name in names)
    if len(index) == 1 and index[0] in names and not is_named:
        names = [NO_NAME if name == index[0] else name for name in names]
    columns = list(map(_decode, table.columns))
    return Cells(pa.table(columns, names=names).to_pandas(ignore_metadata=True), True)


def _decode(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Write out a dictionary's values in `column`; ValueError if they are more than candles can be."""
    if not pa.types.is_dictionary(column.type):
        return column
    kind = column.type.value_type
    if pa.types.is_binary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        lengths = (
            pa.compute.max(pa.compute.binary_length(chunk.dictionary)).as_py() for chunk in column.chunks
        )
        longest = (length or 0 for length in lengths)
        check_size(sum(len(chunk) * length for chunk, length in zip(column.chunks, longest, strict=True)))
    return column.cast(kind)


PARSERS = {
    "parquet": _parse_parquet,
    "pq": _parse_parquet,
    "feather": _parse_feather,
    "csv": parse_text,
    "tsv": parse_text,
    "txt": parse_text,
    "json": parse_json,
    "jsonl": parse_json_lines,
    "ndjson": parse_json_lines,
    "h5": _parse_hdf,
    "hdf5": _parse_hdf,
    "hdf": _parse_hdf,
}
FORMATS = f"{', '.join(PARSERS)}, each also in {', '.join((*PACKINGS, ZIP))}"


def extension_of(path: Path) -> str | None:
    """Name the format that `path` has by its ending, as csv or csv.gz; None if it is none of FORMATS."""
    *_, inner, last = ["", *path.name.lower().split(".")]
    if last in PARSERS:
        return last
    if last == ZIP or (last in PACKINGS and inner in PARSERS):
        return f"{inner}.{last}" if inner in PARSERS else last
    return None


def stem_of(path: Path) -> str:
    """Return the name of `path` without the ending of its format."""
    extension = extension_of(path)
    return path.name[: -len(extension) - 1] if extension else path.stem


def read_cells(path: Path) -> Cells:
    """Read the file at `path`, whose format is known; DataError in one line if it can't be."""
    try:
        check_size(path.stat().st_size)
        return _parse(path.name, path.read_bytes())
    except MemoryError:
        raise
    except BROKEN as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        reason = (
            " ".join(reason.split()).rstrip(".").replace("Row #", "line ")
        )  # Arrow counts lines, not rows
        raise DataError(path, f"not readable as {extension_of(path)}: {reason}") from error


def _parse(name: str, content: bytes, depth: int = 0) -> Cells:
    *packings, last = reversed((extension_of(Path(name)) or "").split("."))
    if last == ZIP or ZIP in packings:
        if depth == MAX_DEPTH:
            raise ValueError("holds archives in archives; unpack it")
        return _parse(*unpack_zip(content, lambda member: extension_of(Path(member)) is not None), depth + 1)
    for packing in packings:
        content = PACKINGS[packing](content)
    return PARSERS[last](content)
