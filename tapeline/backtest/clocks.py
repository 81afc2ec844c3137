"""Two clocks: the account's day ends at midnight in Prague, the broker's server has a midnight of its own.

The server runs at UTC+2, and at UTC+3 while New York has daylight saving, which begins and ends on other
Sundays than Prague's. Times are opens of bars.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

ACCOUNT_ZONE, SERVER_CALENDAR = "Europe/Prague", "America/New_York"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY = 1440  # minutes


def account_day(timestamp: pd.DatetimeIndex) -> NDArray[np.int32]:
    """Date in Prague of each UTC time, as days since 1970; shape (n,)."""
    return _days(timestamp.tz_convert(ACCOUNT_ZONE).tz_localize(None))


def server_time(timestamp: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """What the server's clock shows at each UTC time, without a zone; shape (n,)."""
    plain = timestamp.tz_convert("UTC").tz_localize(None)
    new_york = timestamp.tz_convert(SERVER_CALENDAR).tz_localize(None) - plain
    is_summer = new_york == pd.Timedelta(hours=-4)
    return plain + pd.to_timedelta(np.where(is_summer, 3, 2), unit="h")


def swap_nights(timestamp: pd.DatetimeIndex, weights: tuple[int, ...]) -> NDArray[np.int8]:
    """Nights of swap that are booked by each bar's open: those that ended since the bar before; shape (n,).

    `weights` are how many nights the one that begins on a Monday, Tuesday... counts as.
    """
    day = _days(server_time(timestamp))
    if not day.size:
        return np.zeros(0, np.int8)
    first, last = int(day[0]), int(day[-1])
    counted = np.array([weights[(date + 3) % 7] for date in range(first, last)], dtype=np.int64)
    total = np.concatenate([[0], np.cumsum(counted)])[day - first]
    return np.diff(total, prepend=total[0]).astype(np.int8)


def minute_of_week(timestamp: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Minutes since Monday 00:00 by the server's clock; shape (n,)."""
    shown = server_time(timestamp)
    return (shown.day_of_week * DAY + shown.hour * 60 + shown.minute).to_numpy(dtype=np.int64)


def in_daily_window(minute: NDArray[np.int64], window: tuple[str, str]) -> NDArray[np.bool_]:
    """Whether each `minute_of_week` lies in [from, to), "HH:MM", over midnight too; shape (n,)."""
    first, after = (_minutes(clock) for clock in window)
    return (minute - first) % DAY < (after - first) % DAY


def is_weekend(minute: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each `minute_of_week` is on a Saturday or Sunday; shape (n,)."""
    return minute >= 5 * DAY


def is_closed(
    minute: NDArray[np.int64], windows: tuple[tuple[str, str, str], ...], before: int = 0, longer: int = 0
) -> NDArray[np.bool_]:
    """Whether each `minute_of_week` lies in a weekly window (day, from, to); shape (n,).

    Windows of at least `longer` minutes begin `before` minutes earlier.
    """
    is_shut = np.zeros(len(minute), dtype=bool)
    for day, first, after in windows:
        begin = DAYS.index(day) * DAY + _minutes(first)
        length = (_minutes(after) - _minutes(first)) % DAY
        if length >= longer:
            begin, length = begin - before, length + before
        is_shut |= (minute - begin) % (7 * DAY) < length
    return is_shut


def _days(local: pd.DatetimeIndex) -> NDArray[np.int32]:
    return local.floor("D").to_numpy().astype("datetime64[D]").astype(np.int32)


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
