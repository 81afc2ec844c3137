"""Which column is what: the known layouts, told apart by header, width and what the rows allow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.cells import decode, read_numbers, read_times
from tapeline.schema import OHLCV

TIME_NAMES = {
    "timestamp": "canonical",
    "date": "canonical",
    "time": "canonical",
    "datetime": "canonical",
    "open_time": "binance",
}
SIX_COLUMNS = {"freqtrade": OHLCV, "bitfinex": ("open", "close", "high", "low", "volume")}
BINANCE_WIDTH = 12  # columns of a public kline dump; candles are its first six
CLOSE_NAMES = ("close_time", "close_timestamp", "close_date", "time_close", "closetime", "end_time")
SYMBOL_NAMES = ("symbol", "pair", "ticker", "instrument")


@dataclass(frozen=True)
class Sheet:
    """One file's rows with times and numbers read, columns perhaps still to be told apart.

    `times` (rows,) in UTC, `numbers` (rows, 5) in the file's order; `layouts` that its header or width allow;
    `symbol` as a column of that name says, None without one.
    """

    name: str
    layouts: tuple[str, ...]
    has_header: bool
    times: pd.Series
    numbers: NDArray[np.float64]
    symbol: str | None = None

    def arrange(self, layout: str) -> pd.DataFrame:
        """Return timestamp, open, high, low, close, volume as `layout` orders them."""
        table = pd.DataFrame(self.numbers, columns=SIX_COLUMNS.get(layout, OHLCV))[list(OHLCV)]
        table.insert(0, "timestamp", self.times)
        return table

    def contradictions(self, layout: str) -> NDArray[np.bool_]:
        """Mark the rows (rows,) whose open or close leaves low..high under `layout`."""
        table = self.arrange(layout)
        bodies = table[["open", "close"]].to_numpy()
        low, high = table["low"].to_numpy(), table["high"].to_numpy()
        return (bodies.min(axis=1) < low) | (bodies.max(axis=1) > high) | (high < low)


def read_sheet(name: str, table: pd.DataFrame, has_header: bool) -> Sheet:
    """Find time and numbers in `table`, by its header or, without one, by their position."""
    if table.empty:
        raise DataError(name, "holds no row")
    symbol = None
    if has_header:
        named = [str(column).strip().lower().replace(" ", "_") for column in table.columns]
        layouts, positions = _match_header(name, named)
        _check_open(name, table, named, positions[0])
        symbol = _read_symbol(name, table, named)
    else:
        layouts, positions = _match_width(name, table.shape[1]), list(range(1 + len(OHLCV)))
    columns = [table.iloc[:, position] for position in positions]
    numbers = np.column_stack([read_numbers(name, column) for column in columns[1:]])
    return Sheet(name, layouts, has_header, read_times(name, columns[0]), numbers, symbol)


def settle_layout(sheets: Sequence[Sheet], wanted: str) -> str:
    """Return the one layout of all `sheets`; DataError if rows contradict it or leave it open."""
    if wanted != "auto":
        for sheet in sheets:
            _check_wanted(sheet, wanted)
        return wanted
    fits = [_fitting(sheet) for sheet in sheets]
    agreed = set(fits[0])
    for sheet, fit in zip(sheets, fits, strict=True):
        if not agreed & set(fit):
            rival = next(i for i, other in enumerate(fits) if not set(other) & set(fit))
            raise DataError(
                sheet.name,
                f"has layout {' or '.join(fit)}, but {sheets[rival].name} has {' or '.join(fits[rival])}; "
                "the files of a symbol must share one",
            )
        agreed &= set(fit)
    if len(agreed) > 1:
        raise DataError(
            sheets[0].name, f"every row fits {' and '.join(sorted(agreed))} alike, set data.layout to one"
        )
    return agreed.pop()


def _match_header(name: str, columns: list[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the layout that a header speaks of, and where time, open, high, low, close, volume are."""
    times = [column for column in columns if column in TIME_NAMES]
    missing = [column for column in OHLCV if column not in columns]
    closes = [column for column in columns if column in CLOSE_NAMES]
    if closes and not times:
        raise DataError(
            name,
            f"has {closes[0]}, a candle's end, and no time of its OPEN; write that, one interval earlier, "
            "as timestamp",
        )
    if not times:
        missing.insert(0, "a time (timestamp, date, time, datetime or open_time)")
    if missing:
        raise DataError(name, f"lacks {', '.join(missing)}; its columns are {', '.join(columns)}")
    twice = [column for column in OHLCV if columns.count(column) > 1]
    if len(times) > 1 or twice:
        raise DataError(name, f"must hold each column once, and holds {', '.join(twice or times)} together")
    return (TIME_NAMES[times[0]],), [columns.index(column) for column in (times[0], *OHLCV)]


def _check_open(name: str, table: pd.DataFrame, named: list[str], position: int) -> None:
    """Compare the time at `position` with a time of the candle's end beside it, where both are alike."""
    time = table.iloc[:, position]
    for other in [i for i, column in enumerate(named) if column in CLOSE_NAMES]:
        close = table.iloc[:, other]
        if time.dtype != close.dtype:
            continue
        is_late = (time >= close).to_numpy("bool", na_value=False)
        if is_late.sum() * 2 > len(time):
            row = int(np.argmax(is_late)) + 1
            told = f"{named[position]} is not before {named[other]}: it must be the candle's OPEN"
            raise DataError(f"{name}, row {row}", told)


def _read_symbol(name: str, table: pd.DataFrame, named: list[str]) -> str | None:
    """Return the one symbol that a column of `table` names, None without such a column."""
    position = next((i for i, column in enumerate(named) if column in SYMBOL_NAMES), None)
    if position is None:
        return None
    symbols = decode(table.iloc[:, position]).astype("str").fillna("")
    is_other = (symbols != symbols.iloc[0]).to_numpy()
    if is_other.any():
        row = int(np.argmax(is_other))
        told = (
            f"{named[position]} is {symbols.iloc[row]!r} after {symbols.iloc[0]!r}; a file holds one symbol"
        )
        raise DataError(f"{name}, row {row + 1}", told)
    return symbols.iloc[0]


def _match_width(name: str, width: int) -> tuple[str, ...]:
    if width == BINANCE_WIDTH:
        return ("binance",)
    if width == 1 + len(OHLCV):
        return tuple(SIX_COLUMNS)
    raise DataError(
        name, f"has no header and {width} columns; 6 (freqtrade, bitfinex) or 12 (binance) are known"
    )


def _fitting(sheet: Sheet) -> list[str]:
    """Layouts that every row of `sheet` obeys; a header or a width that is one layout's alone decides."""
    if len(sheet.layouts) == 1:
        return list(sheet.layouts)
    contradictions = {layout: sheet.contradictions(layout) for layout in sheet.layouts}
    fit = [layout for layout, marks in contradictions.items() if not marks.any()]
    if not fit:
        told = " and ".join(f"row {np.argmax(c) + 1} is not {layout}" for layout, c in contradictions.items())
        raise DataError(sheet.name, f"{told}; set data.layout to have such rows rejected")
    return fit


def _check_wanted(sheet: Sheet, wanted: str) -> None:
    if wanted not in sheet.layouts:
        told = "its header" if sheet.has_header else "its number of columns"
        raise DataError(sheet.name, f"is {' or '.join(sheet.layouts)} by {told}, data.layout is {wanted}")
    if sheet.has_header:  # names are no guess; single bad rows are for cleaning to reject
        return
    contradictions = sheet.contradictions(wanted)
    n_ranged = int((np.ptp(sheet.numbers[:, :4], axis=1) > 0).sum())  # flat rows fit any order
    if contradictions.sum() * 2 > n_ranged:
        raise DataError(
            f"{sheet.name}, row {np.argmax(contradictions) + 1}",
            f"open or close outside low..high here and in {contradictions.sum()} of {n_ranged} rows "
            f"that can tell, data.layout {wanted} is wrong",
        )
