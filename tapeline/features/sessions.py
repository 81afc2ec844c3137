"""Trading sessions in their own time zones, daylight saving included, and the rhythm of day and week.

No authority defines sessions; the common convention is office hours in local time, half-open, and here
on every day of the week, since crypto trades on all of them. A candle belongs to the sessions in which it
opens, so to several in an overlap and to none at night.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.declare import Candles, FloatArray, feature, minutes_since_epoch
from tapeline.features.program import by_hour, look_up

# name: (zone, first local hour, hour after the last)
SESSIONS = {
    "tokyo": ("Asia/Tokyo", 9, 18),
    "london": ("Europe/London", 8, 17),
    "new_york": ("America/New_York", 8, 17),
}
DAY, WEEK = 1440, 10_080  # minutes
LONGEST_WAIT = DAY + 60  # minutes from one opening to the next, when clocks go back


def in_session(minute: NDArray[np.int64], name: str) -> NDArray[np.bool_]:
    """Whether each open time, in minutes since 1970, falls into session `name`; shape (n,)."""
    is_open: NDArray[np.bool_] = by_hour(minute, _is_open, name) > 0
    return is_open


def is_weekend(minute: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each open time falls on a UTC Saturday or Sunday; shape (n,)."""
    return (minute // DAY + 3) % 7 >= 5  # 1970 began on a Thursday


def minutes_until(minute: NDArray[np.int64], name: str, border: str) -> FloatArray:
    """Minutes from each open time to the next "open" or "close" of session `name`, above 0; shape (n,)."""
    # Sessions open and close at whole hours of UTC, so all candles of an hour wait for the same border.
    wait: FloatArray = by_hour(minute, _next_border, name, border) - minute
    return wait


def session_masks(timestamp: pd.DatetimeIndex) -> dict[str, NDArray[np.bool_]]:
    """Masks for every session, the overlaps, the weekend and the hours outside all of them; shape (n,)."""
    minute = minutes_since_epoch(timestamp)
    masks = {name: in_session(minute, name) for name in SESSIONS}
    masks["tokyo_london"] = masks["tokyo"] & masks["london"]
    masks["london_new_york"] = masks["london"] & masks["new_york"]
    masks["outside"] = ~(masks["tokyo"] | masks["london"] | masks["new_york"])
    masks["weekend"] = is_weekend(minute)
    return masks


@feature("sessions", over=tuple(SESSIONS), lookback=1, low=0, high=1)
def session(candles: Candles, name: str) -> FloatArray:
    """1 in the session of {} (office hours there, local time), else 0."""
    is_open: FloatArray = by_hour(candles.minute, _is_open, name)
    return is_open


@feature("sessions", lookback=1, low=0, high=1)
def overlap_tokyo_london(candles: Candles) -> FloatArray:
    """1 where the sessions of Tokyo and London overlap, else 0."""
    return session(candles, "tokyo") * session(candles, "london")


@feature("sessions", lookback=1, low=0, high=1)
def overlap_london_new_york(candles: Candles) -> FloatArray:
    """1 where the sessions of London and New York overlap, else 0."""
    return session(candles, "london") * session(candles, "new_york")


@feature("sessions", over=tuple(SESSIONS), lookback=1, low=0, high=LONGEST_WAIT)
def minutes_to_open(candles: Candles, name: str) -> FloatArray:
    """Minutes from the candle's open to the next opening of {}."""
    return minutes_until(candles.minute, name, "open")


@feature("sessions", over=tuple(SESSIONS), lookback=1, low=0, high=LONGEST_WAIT)
def minutes_to_close(candles: Candles, name: str) -> FloatArray:
    """Minutes from the candle's open to the next close of {}."""
    return minutes_until(candles.minute, name, "close")


@feature("sessions", lookback=1, low=0, high=1)
def weekend(candles: Candles) -> FloatArray:
    """1 on a UTC Saturday or Sunday, else 0."""
    return is_weekend(candles.minute).astype(np.float64)


@feature("sessions", over=("sine", "cosine"), lookback=1, low=-1, high=1)
def day(candles: Candles, wave: str) -> FloatArray:
    """The UTC time of day as a {}."""
    return _wave(candles.minute, DAY, wave)


@feature("sessions", over=("sine", "cosine"), lookback=1, low=-1, high=1)
def week(candles: Candles, wave: str) -> FloatArray:
    """The UTC time of the week, from Thursday 00:00, as a {}."""
    return _wave(candles.minute, WEEK, wave)


def _wave(minute: NDArray[np.int64], period: int, wave: str) -> FloatArray:
    values: FloatArray = look_up(minute % period, _wave_table, period, wave)
    return values


def _wave_table(period: int, wave: str) -> FloatArray:
    angles = 2 * np.pi * np.arange(period) / period
    return (np.sin if wave == "sine" else np.cos)(angles)


def _is_open(first: int, after: int, name: str) -> NDArray[np.bool_]:
    zone, opens, closes = SESSIONS[name]
    local = _hours(first, after).tz_convert(zone).hour.to_numpy()
    return (local >= opens) & (local < closes)


def _next_border(first: int, after: int, name: str, border: str) -> NDArray[np.int64]:
    zone, opens, closes = SESSIONS[name]
    hours = _hours(first, after)
    around = pd.Timedelta(days=2)  # a zone's date may be a day off, the next border another day on
    days = pd.date_range(hours[0].floor("D") - around, hours[-1].floor("D") + around, unit="us")
    borders = days.tz_localize(None) + pd.Timedelta(hours=opens if border == "open" else closes)
    minutes = minutes_since_epoch(borders.tz_localize(zone).tz_convert("UTC"))
    return minutes[np.searchsorted(minutes, minutes_since_epoch(hours), side="right")]


def _hours(first: int, after: int) -> pd.DatetimeIndex:
    hours = np.arange(first, after).astype("datetime64[h]").astype("datetime64[us]")
    return pd.DatetimeIndex(hours).tz_localize("UTC")
