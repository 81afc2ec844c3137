"""Files of a symbol under `data.path`: found, unpacked, parsed, and joined into raw candles."""

import csv
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet

from tapeline.errors import DataError
from tapeline.market.layouts import Sheet, read_sheet, settle_layout
from tapeline.market.params import DataParams
from tapeline.market.raw import RawCandles
from tapeline.schema import INTERVAL_MINUTES

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
N_TELLING = 100  # steps from which one file's own interval can be judged
SHARE_TELLING = 0.1  # of the steps that must be of the interval where another step is more common
N_LISTED = 20  # names in an error message


def read_symbol(data: DataParams, symbol: str) -> RawCandles:
    """Read every file of `symbol` in name order; DataError if one can't be read or trusted."""
    sheets = [_read_file(path) for path in find_files(Path(data.path), symbol)]
    layout = settle_layout(sheets, data.layout)
    _check_interval(sheets, data.interval)
    tables = [
        sheet.arrange(layout).assign(file=position, row=np.arange(1, len(sheet.times) + 1))
        for position, sheet in enumerate(sheets)
    ]
    return RawCandles(pd.concat(tables, ignore_index=True), [sheet.name for sheet in sheets], layout)


def find_files(root: Path, symbol: str) -> list[Path]:
    """List the files of `symbol`, which lie in one place: its folder or bare, under root or an exchange."""
    if not root.is_dir():
        raise DataError(
            root,
            "data.path must be a folder of candles, and is " + ("a file" if root.exists() else "not there"),
        )
    exchanges = [folder for folder in _visible(root) if folder.is_dir() and folder.name != symbol]
    places = {}
    for folder in [root, *exchanges]:
        if (folder / symbol).is_dir():
            places[folder / symbol] = _visible(folder / symbol)
        if bare := [path for path in _visible(folder) if path.is_file() and _stem(path) == symbol]:
            places[bare[0]] = bare
    if not places:
        raise DataError(root, f"no candles of {symbol}; there {_list_names(root, exchanges)}")
    if len(places) > 1:
        raise DataError(
            root, f"{symbol} is there more than once: {', '.join(map(str, places))}; set data.path to one"
        )
    place, files = places.popitem()
    if not files:
        raise DataError(place, "holds no candle file")
    for path in files:
        if not path.is_file() or _extension(path) is None:
            raise DataError(path, f"is no candle file; known are {', '.join(FORMATS)}")
    return files


def _visible(folder: Path) -> list[Path]:
    try:
        paths = sorted(folder.iterdir(), key=lambda path: path.name)
    except OSError as error:
        raise DataError(folder, f"can't be read: {error.strerror}") from error
    return [p for p in paths if not p.name.startswith((".", "README")) and p.suffix != ".dvc"]


def _extension(path: Path) -> str | None:
    return next((known for known in FORMATS if path.name.lower().endswith(f".{known}")), None)


def _stem(path: Path) -> str:
    known = _extension(path)
    return path.name[: -len(known) - 1] if known else path.stem


def _list_names(root: Path, exchanges: list[Path]) -> str:
    """Say what lies under `root` and one level below, for the person who mistyped a symbol."""
    below = [path for folder in exchanges for path in _visible(folder)]
    paths = [path for path in _visible(root) if path not in exchanges] + (below or exchanges)
    names = [str(path.relative_to(root)) for path in paths]
    more = f" and {len(names) - N_LISTED} more" if len(names) > N_LISTED else ""
    return "is " + (", ".join(names[:N_LISTED]) + more if names else "nothing")


def _read_file(path: Path) -> Sheet:
    extension = _extension(path)
    unpack, parse = FORMATS[extension]
    try:
        table, has_header = parse(unpack(path.read_bytes()))
    except BROKEN as error:
        told = " ".join(str(error).split()).replace("Row #", "line ")  # Arrow counts lines, not data rows
        raise DataError(path, f"not readable as {extension}: {told}") from error
    return read_sheet(str(path), table, has_header)


def _unpack_zip(content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/") and "__MACOSX" not in name]
        if len(names) != 1 or not names[0].lower().endswith(".csv"):
            raise ValueError(f"must hold one csv file, and holds {', '.join(names) or 'nothing'}")
        return archive.read(names[0])


def _parse_parquet(content: bytes) -> Parsed:
    return pa.parquet.ParquetFile(pa.BufferReader(content)).read().to_pandas(ignore_metadata=True), True


def _parse_feather(content: bytes) -> Parsed:
    return pa.feather.read_table(pa.BufferReader(content)).to_pandas(ignore_metadata=True), True


def _parse_csv(content: bytes) -> Parsed:
    first = next((line for line in io.BytesIO(content) if line.strip()), b"")
    cells = next(csv.reader([first.decode("utf-8-sig")]), [])
    if not cells:
        return pd.DataFrame(), False
    has_header = not any(map(_is_number, cells))
    options = pa.csv.ReadOptions(use_threads=False, autogenerate_column_names=not has_header)  # counts rows
    table = pa.csv.read_csv(pa.BufferReader(content), options)
    names = table.column_names if has_header else range(table.num_columns)
    return table.to_pandas(ignore_metadata=True).set_axis(names, axis=1), has_header


def _parse_json(content: bytes) -> Parsed:
    rows = json.loads(content)
    if not isinstance(rows, list):
        raise ValueError("must be an array of rows")
    if all(isinstance(row, dict) for row in rows):
        return pd.DataFrame(rows), True
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, list) or len(row) != width:
            raise ValueError(f"row {number} must be an array as long as the first, and is {str(row)[:60]}")
    return pd.DataFrame(rows), False


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _check_interval(sheets: list[Sheet], interval: str) -> None:
    """Compare the steps between times, of each file long enough to tell and of all files, with `interval`."""
    for sheet in sheets:
        if len(sheet.times) > N_TELLING:
            _check_steps(sheet.name, sheet.times, interval)
    _check_steps(sheets[0].name, pd.concat([sheet.times for sheet in sheets]), interval)


def _check_steps(name: str, times: pd.Series, interval: str) -> None:
    moments = np.sort(times.dropna().to_numpy("datetime64[us]").view("int64"))
    gaps = np.diff(moments)
    steps, counts = np.unique(gaps[gaps > 0], return_counts=True)
    if not len(steps):
        return
    common, expected = steps[np.argmax(counts)], INTERVAL_MINUTES[interval] * 60_000_000
    # Quiet markets lack candles, so that another step may win: the interval must then be the smallest.
    is_sparse = steps[0] == expected and counts[0] >= SHARE_TELLING * counts.sum()
    if common != expected and not is_sparse:
        raise DataError(
            name, f"candles are mostly {common / 60_000_000:g} minutes apart, data.interval is {interval}"
        )


def _as_is(content: bytes) -> bytes:
    return content


# Longer extensions first, since the first that fits is taken.
FORMATS: dict[str, tuple[Callable[[bytes], bytes], Callable[[bytes], Parsed]]] = {
    "parquet": (_as_is, _parse_parquet),
    "feather": (_as_is, _parse_feather),
    "csv": (_as_is, _parse_csv),
    "csv.gz": (gzip.decompress, _parse_csv),
    "csv.zip": (_unpack_zip, _parse_csv),
    "zip": (_unpack_zip, _parse_csv),
    "json": (_as_is, _parse_json),
    "json.gz": (gzip.decompress, _parse_json),
}
