"""JSON: the one array of rows in it, or of columns, however an exchange or pandas wraps it."""

import json
from collections.abc import Iterator
from typing import Any

import orjson
import pandas as pd

from tapeline.market.cell_tables import Cells
from tapeline.market.layouts import NO_NAME, SYMBOLS, normalise
from tapeline.market.limits import check_shape, check_values

MAX_DEPTH = 4  # objects around the rows: {"result": {"list": [...]}}
N_COLUMNS = 6  # of a candle
LEAST = ({"open", "close"}, {"o", "c"})  # columns by which an object is known to hold candles


def parse_json(content: bytes) -> Cells:
    """Read an array of arrays or of objects, alone or in objects around it; ValueError otherwise."""
    _check_values(content)
    return _read(_load(content))


def parse_json_lines(content: bytes) -> Cells:
    """Read one array or object per line."""
    _check_values(content)
    return _read([_load(line) for line in content.splitlines() if line.strip()])


def _check_values(content: bytes) -> None:
    """Raise ValueError if there are more values than memory holds; commas and brackets show it."""
    check_values(sum(map(content.count, (b",", b"[", b"{"))))


def _load(content: bytes) -> Any:
    try:
        return orjson.loads(content)  # twice as fast
    except orjson.JSONDecodeError:
        return json.loads(content)  # takes NaN and a byte order mark, and says better what is wrong


def _read(value: Any) -> Cells:
    if isinstance(value, list):
        return _read_rows(value, None)
    arrays = list(_find(value, "", None, 0))
    filled = [(path, rows, symbol) for path, rows, symbol in arrays if len(rows)] or arrays[:1]
    if not filled:
        raise ValueError(f"must be an array of rows, and is {str(value)[:60]}")
    if len(filled) > 1:
        places = ", ".join(path for path, _, _ in filled[:5])
        raise ValueError(f"holds several arrays of rows, {places}; write one symbol per file")
    ((_, rows, symbol),) = filled
    return Cells(rows, True, symbol) if isinstance(rows, pd.DataFrame) else _read_rows(rows, symbol)


def _find(
    value: Any, path: str, symbol: str | None, depth: int
) -> Iterator[tuple[str, list[Any] | pd.DataFrame, str | None]]:
    """Yield each array of rows in `value`, with its path and the symbol that an object around it names."""
    if isinstance(value, list):
        if all(isinstance(row, dict | list) for row in value):
            yield path, value, symbol
    elif isinstance(value, dict) and depth < MAX_DEPTH:
        if (table := _read_columns(value)) is not None:
            yield path, table, symbol
            return
        named = [v for k, v in value.items() if normalise(k) in SYMBOLS and isinstance(v, str)]
        symbol = named[0] if named else symbol
        for key, inner in value.items():
            below = f"{path}.{key}".lstrip(".")
            yield from _find(inner, below, key if "/" in key else symbol, depth + 1)


def _read_columns(value: dict[str, Any]) -> pd.DataFrame | None:
    """Return the table that `value` is by itself, as TradingView's feeds and pandas write one, else None."""
    if "schema" in value and isinstance(value.get("data"), list):  # pandas, orient="table"
        return _table(value["data"])
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):  # "split"
        check_shape(len(value["data"]), len(value["columns"]))
        return _with_index(pd.DataFrame(value["data"], columns=value["columns"]), value.get("index"))
    arrays = {key: column for key, column in value.items() if isinstance(column, list)}
    lengths = set(map(len, arrays.values()))
    is_cells = not any(isinstance(cell, dict | list) for column in arrays.values() for cell in column[:1])
    if len(arrays) >= N_COLUMNS and len(lengths) == 1 and is_cells:
        check_shape(0, len(arrays))
        return pd.DataFrame(arrays)
    if not value or not all(isinstance(inner, dict) for inner in value.values()):
        return None
    if _is_candle(value):  # "columns"
        check_shape(0, len(value))
        index = list(next(iter(value.values())))
        return _with_index(pd.DataFrame({key: list(inner.values()) for key, inner in value.items()}), index)
    if _is_candle(next(iter(value.values()))):  # "index"
        return _with_index(_table(list(value.values())), list(value))
    return None


def _is_candle(names: dict[str, Any]) -> bool:
    return any(least <= {normalise(name) for name in names} for least in LEAST)


def _with_index(table: pd.DataFrame, index: list[Any] | None) -> pd.DataFrame:
    """Put `index`, unless it only counts the rows, before the columns of `table`."""
    if index is not None and list(map(str, index)) != [str(row) for row in range(len(table))]:
        table.insert(0, NO_NAME, index)
    return table


def _read_rows(rows: list[Any], symbol: str | None) -> Cells:
    kinds = set(map(type, rows))
    if kinds <= {dict}:
        return Cells(_table(rows), True, symbol)
    width = len(rows[0]) if isinstance(rows[0], list) else 0
    if kinds != {list} or set(map(len, rows)) != {width}:
        number, row = next(
            (n, row) for n, row in enumerate(rows, start=1) if not isinstance(row, list) or len(row) != width
        )
        raise ValueError(f"row {number} must be an array as long as the first, and is {str(row)[:60]}")
    check_shape(len(rows), width)
    return Cells(pd.DataFrame(rows), False, symbol)


def _table(rows: list[Any]) -> pd.DataFrame:
    """Lay objects side by side; ValueError if they have too many names together: each makes a cell a row."""
    names = {name for row in rows if isinstance(row, dict) for name in row}
    check_shape(len(rows), len(names))
    return pd.DataFrame(rows)
