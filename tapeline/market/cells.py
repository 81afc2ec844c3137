"""Parse cells into numbers and UTC times; a DataError names the first cell that is neither."""

import re
from typing import cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import (
    is_bool_dtype,
    is_datetime64_dtype,
    is_numeric_dtype,
    is_object_dtype,
    is_string_dtype,
)

from tapeline.errors import DataError
from tapeline.schema import TIMESTAMP_TYPE

EPOCH_SECONDS = (631_152_000, 4_102_444_800)  # 1990 to 2100, so that no two units can be mistaken
EPOCH_UNITS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}  # in a second
EPOCH_DAYS = (7_305, 80_000)  # what is probably days, since 1970 or, as spreadsheets count, since 1899
UTC = r" ?UTC$"
WITHOUT_ZONE = "a time without zone; write UTC with Z or the offset, or set data.timezone"
FOREIGN_TIMES = {
    r"^(\d{4})[./](\d{2})[./](\d{2})": r"\1-\2-\3",
    r"^(\d{4})(\d{2})(\d{2})[ T](\d{2}):?(\d{2}):?(\d{2})?": r"\1-\2-\3 \4:\5:\6",
}
DAY_MONTH_YEAR = r"^(\d{2})[./](\d{2})[./](\d{4})(.*)$"  # or month first: nobody knows by one row
MONTHS = 12
HALF_DAY = r"\d{4}-\d{2}-\d{2} \d{2}-[AP]M"  # CryptoDataDownload's hours, until 2021
ZONED = r"\d:\d{2}(?::\d{2}(?:\.\d+)?)? ?(?:Z|[+-]\d{2}(?::?\d{2})?)$"
GROUPED = r"^[+-]?\d+(?:[,'_ ]\d+)+(?:\.\d+)?$"  # a decimal comma or separated thousands


def decode(column: pd.Series) -> pd.Series:
    """Return `column` with bytes, as a file that is not UTF-8 gives them, as text; others stay."""
    if not is_object_dtype(column):
        return column
    return column.map(lambda cell: cell.decode(errors="replace") if isinstance(cell, bytes) else cell)


def read_numbers(name: str, column: pd.Series) -> NDArray[np.float64]:
    """Return (rows,) floats, NaN where empty; DataError names the first cell that is no number."""
    if is_numeric_dtype(column) and not is_bool_dtype(column):
        return column.to_numpy("float64", na_value=np.nan)
    column = decode(column)
    numbers = pd.Series(np.nan, range(len(column)))  # for columns of dates or booleans, which hold no numbers
    is_number = np.zeros(len(column), dtype=bool)
    if is_object_dtype(column) or is_string_dtype(column):
        numbers = pd.to_numeric(column, errors="coerce")
        is_number = numbers.notna().to_numpy()
        if is_object_dtype(column):
            is_number = is_number & ~column.map(lambda cell: isinstance(cell, bool)).to_numpy()
    is_wrong = ~is_number & column.notna().to_numpy()
    if is_wrong.any():
        is_grouped = re.match(GROUPED, str(column[is_wrong].iloc[0]))
        hint = "; write a point before decimals and nothing between thousands" if is_grouped else ""
        _refuse(name, column, is_wrong, "no number" + hint)
    return np.asarray(numbers.to_numpy("float64", na_value=np.nan), dtype=np.float64)


def is_absolute(column: pd.Series) -> bool:
    """Whether the times of `column` say which moments they are: an epoch, or a zone; judged by the first."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return True
    if is_numeric_dtype(column):
        return not is_bool_dtype(column)
    first = decode(column.dropna().iloc[:1]).astype("str").str.replace(UTC, "Z", regex=True)
    return bool((pd.to_numeric(first, errors="coerce").notna() | first.str.contains(ZONED)).any())


def read_times(name: str, column: pd.Series, zone: str | None = None) -> pd.Series:
    """Return (rows,) UTC times to the microsecond, NaT where empty.

    Times without zone are those of `zone`, and an error where it is None: nobody knows which moments they
    are.
    """
    is_there = column.notna().to_numpy()
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return column.astype(TIMESTAMP_TYPE)
    if is_bool_dtype(column):
        _refuse(name, column, is_there, "no time")
    if is_numeric_dtype(column):
        return _read_epochs(name, column)
    if is_datetime64_dtype(column):
        return _localise(name, column, column, zone)
    column = decode(column)
    texts = column.astype("str").str.replace(UTC, "Z", regex=True)
    epochs = pd.to_numeric(texts, errors="coerce")
    is_epoch = epochs.notna().to_numpy()
    if is_epoch[is_there].all():
        return _read_epochs(name, epochs)
    if is_epoch.sum() > is_there.sum() / 2:
        _refuse(name, column, is_there & ~is_epoch, "no epoch, as the other times are")
    texts = _write_iso(texts)
    is_zoned = texts.str.contains(ZONED, regex=True).to_numpy("bool", na_value=False)
    if zone and not is_zoned.any():
        times = pd.to_datetime(texts, format="ISO8601", errors="coerce")
        _refuse(name, column, is_there & times.isna().to_numpy(), "no ISO 8601 time")
        return _localise(name, column, times, zone)
    times = pd.to_datetime(texts, format="ISO8601", utc=True, errors="coerce")
    _refuse(name, column, is_there & times.isna().to_numpy(), "no ISO 8601 time")
    _refuse(name, column, is_there & ~is_zoned, WITHOUT_ZONE)
    return times.astype(TIMESTAMP_TYPE)


def _write_iso(texts: pd.Series) -> pd.Series:
    """Write 2024.01.31 00:01, 20240131 000100 and 2024-01-31 04-PM, where unambiguous, as ISO 8601."""
    for pattern, written in FOREIGN_TIMES.items():
        if texts.dropna().iloc[:1].str.match(pattern).any():
            texts = texts.str.replace(pattern, written, regex=True)
            break
    if texts.dropna().iloc[:1].str.match(DAY_MONTH_YEAR).any():
        parts = texts.str.extract(DAY_MONTH_YEAR)
        first, second = (pd.to_numeric(parts[place], errors="coerce").max() > MONTHS for place in (0, 1))
        if first != second:  # some row has a day that is no month, which proves the order of all
            day, month = (0, 1) if first else (1, 0)
            texts = parts[2] + "-" + parts[month] + "-" + parts[day] + parts[3]
    if texts.dropna().iloc[:1].str.fullmatch(HALF_DAY).any():
        halves = pd.to_datetime(texts, format="%Y-%m-%d %I-%p", errors="coerce")
        texts = halves.dt.strftime("%Y-%m-%d %H:%M").where(halves.notna(), texts)
    return texts


def _localise(name: str, column: pd.Series, naive: pd.Series, zone: str | None) -> pd.Series:
    """Turn `naive` times, read from `column`, into UTC; those that summer time skips or repeats are wrong."""
    is_there = naive.notna().to_numpy()
    if zone is None:
        _refuse(name, column, is_there, WITHOUT_ZONE)
        zone = "UTC"
    times = naive.astype("datetime64[us]").dt.tz_localize(zone, ambiguous="NaT", nonexistent="NaT")
    is_lost = is_there & times.isna().to_numpy()
    _refuse(name, column, is_lost, f"which in {zone} is there twice or not at all; write UTC with Z")
    return times.dt.tz_convert("UTC").astype(TIMESTAMP_TYPE)


def _read_epochs(name: str, column: pd.Series) -> pd.Series:
    """Tell seconds, milli-, micro- and nanoseconds since 1970 by their size, each value on its own.

    The unit may change once, as Binance's did between two dumps; a column that changes twice is broken.
    """
    is_there = column.notna().to_numpy()
    epochs = column.to_numpy("float64", na_value=np.nan) if not is_there.all() else column.to_numpy()
    times = np.full(len(epochs), np.iinfo("int64").min)  # NaT
    units = np.zeros(len(epochs), dtype="int64")  # per second, 0 where none fits
    micros = EPOCH_UNITS["us"]
    for per_second in EPOCH_UNITS.values():
        is_unit = (epochs >= EPOCH_SECONDS[0] * per_second) & (epochs < EPOCH_SECONDS[1] * per_second)
        values = epochs[is_unit]
        scaled = values * (micros // per_second) if per_second <= micros else values // (per_second // micros)
        times[is_unit] = np.rint(scaled).astype("int64")
        units[is_unit] = per_second
    is_days = is_there & (epochs >= EPOCH_DAYS[0]) & (epochs < EPOCH_DAYS[1])
    _refuse(name, column, is_days, "days perhaps; write an epoch in s or ms, or ISO 8601")
    _refuse(name, column, is_there & (units == 0), "no epoch in s, ms, us or ns between 1990 and 2100")
    rows = np.flatnonzero(is_there)
    is_change = np.zeros(len(epochs), dtype=bool)
    is_change[rows[1:]] = np.diff(units[rows]) != 0
    _refuse(name, column, is_change & (np.cumsum(is_change) > 1), "of another unit, for the second time")
    return pd.Series(times.view("datetime64[us]")).dt.tz_localize("UTC")


def _refuse(name: str, column: pd.Series, is_wrong: NDArray[np.bool_], why: str) -> None:
    """Raise DataError at the first wrong cell of `column`, if there is one."""
    if is_wrong.any():
        first = int(np.argmax(is_wrong))
        # Without a header a column's name is its position.
        label = column.name if isinstance(column.name, str) else f"column {cast('int', column.name) + 1}"
        raise DataError(f"{name}, row {first + 1}", f"{label} is {str(column.iloc[first])!r}, {why}")
