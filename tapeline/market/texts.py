"""Delimited text: its separator, its decimal sign, and the line where the table begins."""

import csv
import io
import re
from itertools import islice
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pyarrow.csv

from tapeline.market.cell_tables import Cells
from tapeline.market.layouts import NO_NAME
from tapeline.market.limits import check_shape

UTF_16 = (b"\xff\xfe", b"\xfe\xff")
OTHERS = {  # how other formats begin
    b"\x1f\x8b": "gz", b"PK\x03\x04": "zip", b"\x28\xb5\x2f\xfd": "zst", b"BZh": "bz2",
    b"\xfd7zXZ": "xz", b"PAR1": "parquet", b"ARROW1": "feather", b"\x89HDF": "h5", b"[[": "json",
    b"[{": "json", b'{"': "json",
}  # fmt: skip
SEPARATORS = ";\t|,"  # of columns; where one of the first is used, a comma may be the decimal point
N_SEPARATORS = 5  # in a line of six columns
N_TITLE = 3  # separators from which a line is part of the table, be it too short
N_BEFORE = 10  # lines that may stand before the table: an address, a title, comments
N_YAHOO = 3  # lines of names
N_LOOKED_AT = 8  # rows that show how decimals are written
DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
GROUPED = r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?"  # 1.234 or 1.234,5 where a comma stands before decimals


class Heading(NamedTuple):
    """Names of the columns, None without a header; lines they take; a symbol named among them."""

    names: list[str] | None
    n_lines: int
    symbol: str | None = None


def is_table(beginning: bytes) -> bool:
    """Whether a text that begins so has columns enough for candles: a note beside them has not."""
    return any(_separator_of(line) for line in _first_lines(beginning))


def parse_text(content: bytes) -> Cells:
    """Read a table whose columns are separated by comma, semicolon, tab or bar; ValueError if it can't be."""
    for sign, ending in OTHERS.items():
        if content.startswith(sign):
            raise ValueError(f"is {ending} by its first bytes; end its name so")
    lines = _first_lines(content)
    if any("\r" in line for line in lines):
        raise ValueError("ends lines by CR alone; save it with LF")
    begin = _begin_of(lines)
    separator = _separator_of(lines[begin]) or "," if lines else ","
    rows = list(csv.reader(lines[begin:], delimiter=separator))
    if not rows:
        return Cells(pd.DataFrame(), False)
    heading = _find_heading(rows)
    check_shape(content.count(b"\n"), len(rows[0]))
    if len(rows) <= heading.n_lines:
        return Cells(pd.DataFrame(columns=heading.names), heading.names is not None)
    is_comma = separator != "," and _has_decimal_comma(rows[heading.n_lines :])
    table = pa.csv.read_csv(
        pa.BufferReader(content),
        pa.csv.ReadOptions(
            use_threads=False,  # counts rows
            skip_rows=begin + heading.n_lines,
            column_names=heading.names,
            autogenerate_column_names=heading.names is None,
        ),
        pa.csv.ParseOptions(delimiter=separator),
        pa.csv.ConvertOptions(decimal_point="," if is_comma else "."),
    )
    if is_comma:
        _check_grouped(table)
    frame = table.to_pandas(ignore_metadata=True)
    if heading.names is None:
        has_index = heading.n_lines and rows[0][0] == NO_NAME
        frame = frame.iloc[:, 1:] if has_index else frame
        frame = frame.set_axis(range(frame.shape[1]), axis=1)
    return Cells(frame, heading.names is not None, heading.symbol)


def _first_lines(content: bytes) -> list[str]:
    """Return the first lines, those in front that are empty as "", without a byte order mark."""
    lines = list(islice(io.BytesIO(content), N_BEFORE + N_LOOKED_AT))
    first = next((line for line in lines if line.strip()), b"")
    if first.startswith(UTF_16) or b"\0" in first:
        raise ValueError("is UTF-16 or no text; save it as UTF-8")
    first.decode("utf-8-sig")
    texts = [line.decode("utf-8", errors="replace").removeprefix("\ufeff").strip("\r\n") for line in lines]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _separator_of(line: str) -> str | None:
    return next((sign for sign in SEPARATORS if line.count(sign) >= N_SEPARATORS), None)


def _begin_of(lines: list[str]) -> int:
    """Position of the line where the table begins: what stands before it are a few words, or nothing."""
    for begin, line in enumerate(lines[: N_BEFORE + 1]):
        if _separator_of(line):
            return begin
        if any(line.count(sign) >= N_TITLE for sign in SEPARATORS) or is_number(line):
            break
    return next((begin for begin, line in enumerate(lines) if line), 0)


def _find_heading(rows: list[list[str]]) -> Heading:
    """Find the names of the columns in the first of `rows`."""
    first = rows[0]
    numbers = [str(number) for number in range(len(first))]
    if first in (numbers, [NO_NAME, *numbers[:-1]]):  # pandas' names of columns without one
        return Heading(None, 1)
    if any(map(is_number, first)):
        return Heading(None, 0)
    if len(rows) > N_YAHOO and rows[1][:1] == ["Ticker"] and not any(rows[2][1:]):  # yfinance's three lines
        return Heading([rows[2][0], *first[1:]], N_YAHOO, rows[1][-1])
    return Heading(first, 1)


def _has_decimal_comma(rows: list[list[str]]) -> bool:
    return any(DECIMAL_COMMA.fullmatch(cell.strip()) for row in rows for cell in row)


def _check_grouped(table: pa.Table) -> None:
    """Raise ValueError if a text of `table`, whose numbers have a decimal comma, has a point."""
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type):
            is_grouped = pa.compute.match_substring_regex(column, f"^{GROUPED}$")
            if (row := pa.compute.index(is_grouped, True).as_py()) >= 0:
                message = f"row {row + 1}: {name} is {column[row].as_py()!r} among decimal commas"
                raise ValueError(f"{message}; write nothing between thousands")


def is_number(cell: str) -> bool:
    """Whether `cell` says a number, or that there is none."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
