"""Sessions in their own time zones, by the published table of UTC hours."""

import pandas as pd
import pytest

from tapeline.features.sessions import session_masks

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
