"""Identify the columns of a table by the list of layouts and by data.columns."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.cells import decode
from tapeline.market.layouts import (
    CLOSE_STAMPED,
    CLOSE_TIMES,
    FINISHED,
    SYMBOLS,
    TIME_PART,
    known_names,
    known_widths,
    match_header,
    match_width,
    missing_parts,
    normalise,
)

Columns = Mapping[str, str | int]  # name, or position from 1, by canonical name
ADVICE = "say in data.columns which is which"
FLAGS = ("true", "false")
OPEN_CANDLE, CLOSED_CANDLE = ("0", "0.0", "false"), ("1", "1.0", "true")


def rename(name: str, table: pd.DataFrame, named: list[str], columns: Columns) -> list[str]:
    """Return `named` with those of `columns` under canonical names, and no other column taken for them."""
    written = [str(column).strip() for column in table.columns]
    places = {}
    for part, selector in columns.items():
        if isinstance(selector, int):
            place = selector - 1 if selector <= len(written) else None
        elif not named:
            rule = f"data.columns must count the column from 1, and says {selector!r}"
            raise DataError(name, f"has no header: for {part} {rule}")
        else:
            exact = written.index(selector.strip()) if selector.strip() in written else None
            close = named.index(normalise(selector)) if normalise(selector) in named else None
            place = close if exact is None else exact
        if place is None:
            raise DataError(
                name,
                f"lacks {selector!r}, which data.columns has as {part}; its columns are {', '.join(written)}",
            )
        places[part] = place
    others = {other for part in places for other in known_names(part)}
    renamed = ["?" if column in others else column for column in named or ["?"] * len(written)]
    for part, place in places.items():
        renamed[place] = part
    return renamed


def match_names(name: str, table: pd.DataFrame, named: list[str], symbol: str) -> dict[str, dict[str, int]]:
    """Return the layouts that a header speaks of, and where each has time, open, high, low, close, volume."""
    if orders := match_header(named, symbol):
        parts = [named[place] for place in next(iter(orders.values())).values()]
        if twice := [part for part in parts if named.count(part) > 1]:
            raise DataError(name, f"must hold each column once, and holds {', '.join(twice)} together")
        if {"vol", "amount"} <= set(named) and parts[
            -1
        ] == "vol":  # Huobi's vol is the quote's, others' is not
            raise DataError(name, f"holds vol and amount, of which one is the quote's; {ADVICE}")
        return orders
    missing = missing_parts(named) or ["names that one layout has together"]
    closes = [column for column in named if column in CLOSE_TIMES]
    if closes and TIME_PART in missing:
        raise DataError(
            name,
            f"has {closes[0]}, a candle's end, and no time of its OPEN; write that, one interval earlier, "
            "as timestamp",
        )
    written = ", ".join(str(column) for column in table.columns)
    raise DataError(
        name,
        f"lacks {', '.join(missing)}; its columns are {written}; {ADVICE} (docs/candles.md has the known)",
    )


def match_positions(name: str, table: pd.DataFrame) -> dict[str, dict[str, int]]:
    """Return the layouts of as many columns without a header; DataError where there is none."""
    orders = match_width(table.shape[1])
    first = [str(cell).lower() for cell in table.iloc[0]]
    if orders:
        return {layout: order for layout, order in orders.items() if _may_be(first, order)} or orders
    raise DataError(name, f"has no header and {table.shape[1]} columns; known are {known_widths()}; {ADVICE}")


def _may_be(first: list[str], order: dict[str, int]) -> bool:
    """Whether the cells of the `first` row let a word, true or false, stand where `order` has one alone."""
    place = order.get("finished")
    has_word = any(cell in FLAGS for i, cell in enumerate(first) if i != place)
    return not has_word and (place is None or first[place] in (*OPEN_CANDLE, *CLOSED_CANDLE))


def check_open(name: str, table: pd.DataFrame, named: list[str], position: int) -> None:
    """Compare the time at `position` with a time of the candle's end beside it, where both are alike."""
    if named and named[position] == "timestamp" and set(CLOSE_STAMPED) <= set(named):
        raise DataError(name, "is BitMEX's, whose timestamp is the candle's CLOSE; write the OPEN as time")
    time = table.iloc[:, position]
    for other in [i for i, column in enumerate(named) if column in CLOSE_TIMES]:
        close = table.iloc[:, other]
        if time.dtype != close.dtype:
            continue
        is_late = (time >= close).to_numpy("bool", na_value=False)
        if is_late.sum() * 2 > len(time):
            row = int(np.argmax(is_late)) + 1
            message = f"{named[position]} is not before {named[other]}: it must be the candle's OPEN"
            raise DataError(f"{name}, row {row}", message)


def find_closed(name: str, table: pd.DataFrame, named: list[str], order: dict[str, int]) -> NDArray[np.bool_]:
    """Mark the rows (rows,) whose candle was closed when they were written: all where no column says it."""
    place = next((i for i, column in enumerate(named) if column in FINISHED), order.get("finished"))
    if place is None:
        return np.ones(len(table), dtype=bool)
    cells = decode(table.iloc[:, place]).astype("str").str.lower()
    is_wrong = ~cells.isin((*OPEN_CANDLE, *CLOSED_CANDLE)).to_numpy()
    if is_wrong.any():
        row = int(np.argmax(is_wrong))
        label = table.columns[place] if named else f"column {place + 1}"
        message = f"{label} is {cells.iloc[row]!r}, and must say by 1 or 0 whether the candle was closed"
        message += "" if named else f"; if it is another's layout, {ADVICE}"
        raise DataError(f"{name}, row {row + 1}", message)
    return cells.isin(CLOSED_CANDLE).to_numpy()


def read_symbol(name: str, table: pd.DataFrame, named: list[str]) -> str | None:
    """Return the one symbol that a column of `table` names, None without such a column."""
    position = next((i for i, column in enumerate(named) if column in SYMBOLS), None)
    if position is None:
        return None
    symbols = decode(table.iloc[:, position]).astype("str").fillna("")
    is_other = (symbols != symbols.iloc[0]).to_numpy()
    if is_other.any():
        row = int(np.argmax(is_other))
        message = (
            f"{named[position]} is {symbols.iloc[row]!r} after {symbols.iloc[0]!r}; a file holds one symbol"
        )
        raise DataError(f"{name}, row {row + 1}", message)
    return symbols.iloc[0]
