"""The one time of a row where a table has several columns of times, or one in two parts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.errors import DataError
from tapeline.market.cells import decode, is_absolute, read_times
from tapeline.market.layouts import TIMES, UTC_TIMES

DAY_AND_CLOCK = {
    "date": r"\d{4}[-./]?\d{2}[-./]?\d{2}(?: 00:00:00)?",
    "time": r"\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?",
}
DAY_LENGTH, CLOCK_LENGTH = 10, 5  # of 2024.01.31 and 00:01


def join_date_and_time(table: pd.DataFrame, named: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Join a day and a time of day that stand in two columns, as MetaTrader's exports have them, into one.

    They are found by the names `named`, in front where there are none; all other columns follow.
    """
    pair = [named.index(part) for part in DAY_AND_CLOCK if part in named] if named else [0, 1]
    if len(pair) < len(DAY_AND_CLOCK) or table.shape[1] <= max(pair) or table.empty:
        return table, named
    columns = [decode(table.iloc[:, place]) for place in pair]
    if not all(map(_matches, (column.iloc[:1] for column in columns), DAY_AND_CLOCK.values())):
        return table, named
    day, clock = (column.astype("str") for column in columns)
    joined = day.str.slice(0, DAY_LENGTH) + " " + clock.str.zfill(CLOCK_LENGTH)
    left = [place for place in range(table.shape[1]) if place not in pair]
    label = table.columns[pair[0]] if named else 0
    table = pd.concat([joined.rename(label), table.iloc[:, left]], axis=1)
    if not named:
        return table.set_axis(range(table.shape[1]), axis=1), named
    return table, ["date", *(named[place] for place in left)]


def _matches(column: pd.Series, pattern: str) -> bool:
    return bool(column.astype("str").str.fullmatch(pattern).all())


def read_time(
    name: str, table: pd.DataFrame, named: Sequence[str], place: int, zone: str | None
) -> pd.Series:
    """Read the column at `place` and, where others hold a time too, settle which is the candle's.

    A time with zone, or an epoch, goes before one without zone; times of one kind must be equal.
    """
    others = [i for i, column in enumerate(named) if column in TIMES and i != place and named[place] in TIMES]
    with_zone = [i for i in (place, *others) if is_absolute(table.iloc[:, i])]
    places = with_zone or [place, *others]
    first, *rest = (
        read_times(name, table.iloc[:, i], "UTC" if named[i] in UTC_TIMES else zone) for i in places
    )
    for i, times in zip(places[1:], rest, strict=True):
        is_other = ((first != times) & first.notna() & times.notna()).to_numpy()
        if is_other.any():
            row = int(np.argmax(is_other))
            clash = f"{named[places[0]]} is {first[row].isoformat()}, {named[i]} {times[row].isoformat()}"
            raise DataError(f"{name}, row {row + 1}", f"{clash}; name the OPEN as timestamp in data.columns")
    return first
