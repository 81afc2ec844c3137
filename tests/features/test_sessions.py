"""Sessions in their own time zones, by the published table of UTC hours."""

import pandas as pd
import pytest

from tapeline.features.declare import minutes_since_epoch
from tapeline.features.sessions import minutes_until, session_masks

WINTER, SUMMER, US_ONLY = "2026-01-14", "2026-07-15", "2026-03-18"


@pytest.mark.parametrize(
    ("day", "name", "first", "after"),
    [
        (WINTER, "tokyo", 0, 9),
        (SUMMER, "tokyo", 0, 9),
        (WINTER, "london", 8, 17),
        (SUMMER, "london", 7, 16),
        (US_ONLY, "london", 8, 17),
        (WINTER, "new_york", 13, 22),
        (SUMMER, "new_york", 12, 21),
        (US_ONLY, "new_york", 12, 21),
        (WINTER, "london_new_york", 13, 17),
        (SUMMER, "london_new_york", 12, 16),
        (US_ONLY, "london_new_york", 12, 17),
        (SUMMER, "tokyo_london", 7, 9),
    ],
)
def test_session_hours_follow_local_clocks(day, name, first, after):
    """In UTC a session begins and ends where its own daylight saving puts it."""
    minutes = pd.date_range(day, periods=1440, freq="min", tz="UTC")
    hours = minutes[session_masks(minutes)[name]].hour
    assert (hours.min(), hours.max() + 1, len(hours)) == (first, after, 60 * (after - first))


def test_weekend_and_outside():
    """Saturday and Sunday are the weekend; no minute is both outside and in a session."""
    minutes = pd.date_range("2026-01-12", periods=7 * 1440, freq="min", tz="UTC")
    masks = session_masks(minutes)
    assert set(minutes[masks["weekend"]].day_name()) == {"Saturday", "Sunday"}
    inside = masks["tokyo"] | masks["london"] | masks["new_york"]
    assert (masks["outside"] != inside).all()


@pytest.mark.parametrize(
    ("time", "name", "border", "minutes"),
    [
        ("2026-03-28 12:00", "london", "open", 19 * 60),  # summer time begins that night: 07:00 UTC
        ("2026-10-24 12:00", "london", "open", 20 * 60),  # and ends: 08:00 UTC
        ("2026-03-07 13:00", "new_york", "open", 23 * 60),  # open at this minute: the next, clocks forward
        ("2026-10-31 12:00", "new_york", "open", 25 * 60),  # clocks back
        ("2026-01-14 16:59", "london", "close", 1),
        ("2026-01-14 17:00", "london", "close", 24 * 60),
        ("2026-07-15 23:30", "tokyo", "open", 30),
    ],
)
def test_waits_follow_local_clocks(time, name, border, minutes):
    """The minutes to a border are those that pass, over nights of 23 and 25 hours too."""
    minute = minutes_since_epoch(pd.DatetimeIndex([time], tz="UTC"))
    assert minutes_until(minute, name, border).tolist() == [minutes]
