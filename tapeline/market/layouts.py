"""Which column is what: the known layouts, told apart by header, width and what the rows allow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype, is_object_dtype, is_string_dtype

from tapeline.errors import DataError
from tapeline.schema import OHLCV, TIMESTAMP_TYPE

TIME_NAMES = {
    "timestamp": "canonical",
    "date": "canonical",
    "time": "canonical",
    "datetime": "canonical",
    "open_time": "binance",
}
SIX_COLUMNS = {"freqtrade": OHLCV, "bitfinex": ("open", "close", "high", "low", "volume")}
BINANCE_WIDTH = 12  # columns of a public kline dump; candles are its first six
EPOCH_SECONDS = (631_152_000, 4_102_444_800)  # 1990 to 2100, so that no two units can be mistaken
EPOCH_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second
ZONED = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)? ?(?:Z|[+-]\d{2}(?::?\d{2})?)$"


@dataclass(frozen=True)
class Sheet:
    """One file's rows with times and numbers read, columns perhaps still to be told apart.

    `times` (rows,) in UTC, `numbers` (rows, 5) in the file's order; `layouts` that its header or width allow.
    """

    name: str
    layouts: tuple[str, ...]
    has_header: bool
    times: pd.Series
    numbers: NDArray[np.float64]

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
    if has_header:
        layouts, positions = _match_header(name, [str(column) for column in table.columns])
    else:
        layouts, positions = _match_width(name, table.shape[1]), list(range(1 + len(OHLCV)))
    columns = [table.iloc[:, position] for position in positions]
    numbers = np.column_stack([_read_numbers(name, column) for column in columns[1:]])
    return Sheet(name, layouts, has_header, _read_times(name, columns[0]), numbers)


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
    columns = [column.strip().lower().replace(" ", "_") for column in columns]
    times = [column for column in columns if column in TIME_NAMES]
    missing = [column for column in OHLCV if column not in columns]
    if not times:
        missing.insert(0, "a time (timestamp, date, time, datetime or open_time)")
    if missing:
        raise DataError(name, f"lacks {', '.join(missing)}; its columns are {', '.join(columns)}")
    twice = [column for column in OHLCV if columns.count(column) > 1]
    if len(times) > 1 or twice:
        raise DataError(name, f"must hold each column once, and holds {', '.join(twice or times)} together")
    return (TIME_NAMES[times[0]],), [columns.index(column) for column in (times[0], *OHLCV)]


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


def _read_numbers(name: str, column: pd.Series) -> NDArray[np.float64]:
    """Return (rows,) floats, NaN where empty; DataError names the first cell that is no number."""
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return column.to_numpy("float64", na_value=np.nan)
    numbers = pd.Series(np.nan, range(len(column)))  # what a column of dates or booleans is worth
    is_number = np.zeros(len(column), dtype=bool)
    if is_object_dtype(column) or is_string_dtype(column):
        numbers = pd.to_numeric(column, errors="coerce")
        is_number = numbers.notna().to_numpy()
        if is_object_dtype(column):
            is_number = is_number & ~column.map(lambda cell: isinstance(cell, bool)).to_numpy()
    is_wrong = ~is_number & column.notna().to_numpy()
    if is_wrong.any():
        _refuse(name, column, is_wrong, "no number")
    return numbers.to_numpy("float64", na_value=np.nan)


def _read_times(name: str, column: pd.Series) -> pd.Series:
    """Return (rows,) UTC times to the microsecond, NaT where empty; a time without zone is an error."""
    is_there = column.notna().to_numpy()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.astype(TIMESTAMP_TYPE)
    if is_bool_dtype(column):
        _refuse(name, column, is_there, "no time")
    if is_numeric_dtype(column):
        return _read_epochs(name, column)
    texts = column.astype("str").str.replace(r" ?UTC$", "Z", regex=True)
    epochs = pd.to_numeric(texts, errors="coerce")
    if epochs[is_there].notna().all():
        return _read_epochs(name, epochs)
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    _refuse(name, column, is_there & times.isna().to_numpy(), "no ISO 8601 time")
    is_zoned = texts.str.contains(ZONED, regex=True).to_numpy("bool", na_value=False)
    _refuse(name, column, is_there & ~is_zoned, "a time without zone; write UTC with Z or the offset")
    return times.astype(TIMESTAMP_TYPE)


def _read_epochs(name: str, column: pd.Series) -> pd.Series:
    """Tell seconds, milli-, micro- and nanoseconds since 1970 by their size, each value on its own."""
    is_there = column.notna().to_numpy()
    epochs = column.to_numpy("float64", na_value=np.nan) if not is_there.all() else column.to_numpy()
    times = np.full(len(epochs), np.iinfo("int64").min)  # NaT
    is_known = ~is_there
    for per_second in EPOCH_UNITS.values():
        is_unit = (epochs >= EPOCH_SECONDS[0] * per_second) & (epochs < EPOCH_SECONDS[1] * per_second)
        micros = EPOCH_UNITS["us"]
        values = epochs[is_unit]
        scaled = values * (micros // per_second) if per_second <= micros else values // (per_second // micros)
        times[is_unit] = np.rint(scaled).astype("int64")
        is_known |= is_unit
    _refuse(name, column, ~is_known, "no epoch in s, ms, us or ns between 1990 and 2100")
    return pd.Series(times.view("datetime64[us]")).dt.tz_localize("UTC")


def _refuse(name: str, column: pd.Series, is_wrong: NDArray[np.bool_], why: str) -> None:
    """Raise DataError at the first wrong cell of `column`, if there is one."""
    if is_wrong.any():
        first = int(np.argmax(is_wrong))
        label = column.name if isinstance(column.name, str) else f"column {column.name + 1}"
        raise DataError(f"{name}, row {first + 1}", f"{label} is {str(column.iloc[first])!r}, {why}")
