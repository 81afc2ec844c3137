"""Trading sessions in their own time zones, daylight saving included.

No authority defines sessions; the common convention is office hours in local time, half-open. A candle
belongs to the sessions in which it opens, so to several in an overlap and to none at night.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.declare import Candles, FloatArray, feature

# name: (zone, first local hour, hour after the last)
SESSIONS = {
    "tokyo": ("Asia/Tokyo", 9, 18),
    "london": ("Europe/London", 8, 17),
    "new_york": ("America/New_York", 8, 17),
}


def in_session(timestamp: pd.DatetimeIndex, name: str) -> NDArray[np.bool_]:
    """Whether each UTC open time falls into session `name`; shape (n,)."""
    zone, first, after = SESSIONS[name]
    hour = timestamp.tz_convert(zone).hour.to_numpy()
    return (hour >= first) & (hour < after)


def is_weekend(timestamp: pd.DatetimeIndex) -> NDArray[np.bool_]:
    """Whether each open time falls on a UTC Saturday or Sunday; shape (n,)."""
    return timestamp.day_of_week.to_numpy() >= 5


def session_masks(timestamp: pd.DatetimeIndex) -> dict[str, NDArray[np.bool_]]:
    """Masks for every session, the overlaps, the weekend and the hours outside all of them; shape (n,)."""
    masks = {name: in_session(timestamp, name) for name in SESSIONS}
    masks["tokyo_london"] = masks["tokyo"] & masks["london"]
    masks["london_new_york"] = masks["london"] & masks["new_york"]
    masks["outside"] = ~(masks["tokyo"] | masks["london"] | masks["new_york"])
    masks["weekend"] = is_weekend(timestamp)
    return masks


@feature("sessions", lookback=1, low=0, high=1)
def session_tokyo(candles: Candles) -> FloatArray:
    """1 in Tokyo's session (09:00-18:00 local), else 0."""
    return in_session(candles.timestamp, "tokyo").astype(float)


@feature("sessions", lookback=1, low=0, high=1)
def session_london(candles: Candles) -> FloatArray:
    """1 in London's session (08:00-17:00 local), else 0."""
    return in_session(candles.timestamp, "london").astype(float)


@feature("sessions", lookback=1, low=0, high=1)
def session_new_york(candles: Candles) -> FloatArray:
    """1 in New York's session (08:00-17:00 local), else 0."""
    return in_session(candles.timestamp, "new_york").astype(float)


@feature("sessions", lookback=1, low=0, high=1)
def weekend(candles: Candles) -> FloatArray:
    """1 on a UTC Saturday or Sunday, else 0."""
    return is_weekend(candles.timestamp).astype(float)


@feature("sessions", lookback=1, low=-1, high=1)
def day_sine(candles: Candles) -> FloatArray:
    """Sine of the UTC time of day."""
    return np.sin(_day_angle(candles.timestamp))


@feature("sessions", lookback=1, low=-1, high=1)
def day_cosine(candles: Candles) -> FloatArray:
    """Cosine of the UTC time of day."""
    return np.cos(_day_angle(candles.timestamp))


def _day_angle(timestamp: pd.DatetimeIndex) -> FloatArray:
    minute = timestamp.hour.to_numpy() * 60.0 + timestamp.minute.to_numpy()
    return 2 * np.pi * minute / 1440
