"""Prague's midnight and the server's, in the weeks where their daylight saving differs too."""

import numpy as np
import pandas as pd
import pytest

from tapeline.backtest.clocks import (
    account_day,
    in_daily_window,
    is_closed,
    is_weekend,
    minute_of_week,
    server_time,
    swap_nights,
)

NIGHTS = (1, 1, 1, 1, 3, 0, 0)


def times(*texts):
    """UTC times."""
    return pd.DatetimeIndex(texts, tz="UTC")


@pytest.mark.parametrize(
    ("midnight", "server"),
    [
        ("2026-01-14 23:00", "01:00"),  # winter: an hour after the server's midnight
        ("2026-03-09 23:00", "02:00"),  # New York has changed, Prague not yet
        ("2026-03-28 23:00", "02:00"),
        ("2026-03-29 22:00", "01:00"),  # Prague has changed that morning
        ("2026-07-14 22:00", "01:00"),
        ("2026-10-24 22:00", "01:00"),
        ("2026-10-25 23:00", "02:00"),  # Prague is back, New York not yet
        ("2026-10-31 23:00", "02:00"),
        ("2026-11-01 23:00", "01:00"),
    ],
)
def test_the_account_day_begins_at_midnight_in_prague(midnight, server):
    """A minute earlier is the day before; the server's clock shows 01:00 there, or 02:00 between changes."""
    at = times(midnight)
    day = account_day(at.append(at - pd.Timedelta(minutes=1)))
    assert day[0] - day[1] == 1
    assert pd.Timestamp(day[0], unit="D").date() == at.tz_convert("Europe/Prague")[0].date()
    assert server_time(at)[0].strftime("%H:%M") == server


def test_the_server_follows_new_york():
    """GMT+3 from 2026-03-08 07:00 UTC to 2026-11-01 06:00 UTC, else GMT+2."""
    shown = server_time(times("2026-03-08 06:59", "2026-03-08 07:00", "2026-11-01 05:59", "2026-11-01 06:00"))
    assert shown.strftime("%H:%M").tolist() == ["08:59", "10:00", "08:59", "08:00"]


def test_days_have_23_and_25_hours_when_clocks_change():
    """Bars of the two Sundays of 2026 in Prague."""
    clock = pd.date_range("2026-03-28", "2026-03-31", freq="1h", tz="UTC")
    assert 23 in np.unique(account_day(clock), return_counts=True)[1]
    clock = pd.date_range("2026-10-23", "2026-10-28", freq="1h", tz="UTC")
    assert 25 in np.unique(account_day(clock), return_counts=True)[1]


def test_swap_is_booked_at_the_servers_midnight():
    """22:00 UTC in winter, 21:00 in its summer; Friday's night counts three times, the weekend's not."""
    clock = pd.date_range("2026-01-12", "2026-01-19 23:00", freq="1h", tz="UTC")  # Monday to Monday
    booked = pd.Series(swap_nights(clock, NIGHTS), index=clock)
    assert booked[booked > 0].to_dict() == {
        pd.Timestamp(f"2026-01-{day} 22:00", tz="UTC"): n
        for day, n in ((12, 1), (13, 1), (14, 1), (15, 1), (16, 3), (19, 1))
    }
    summer = pd.date_range("2026-07-13", "2026-07-14", freq="1h", tz="UTC")
    assert summer[swap_nights(summer, NIGHTS) > 0].strftime("%H:%M").tolist() == ["21:00"]


def test_nights_in_a_gap_are_booked_after_it():
    """From Thursday to Tuesday: Thursday's, Friday's three, Monday's."""
    assert swap_nights(times("2026-01-15 12:00", "2026-01-20 12:00"), NIGHTS).tolist() == [0, 5]
    assert swap_nights(times(), NIGHTS).size == 0


def test_windows_of_a_day_may_cross_midnight():
    """From 23:55 to 00:10 by the server's clock, half-open."""
    at = times(
        "2026-01-14 21:54", "2026-01-14 21:55", "2026-01-14 22:00", "2026-01-14 22:09", "2026-01-14 22:10"
    )
    assert in_daily_window(minute_of_week(at), ("23:55", "00:10")).tolist() == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_weekly_closures_and_the_time_before_them():
    """Saturday 08:00 to 18:00; nothing is opened in the two hours before, as it is that long."""
    windows = (("Sat", "08:00", "18:00"),)
    at = times("2026-01-17 05:59", "2026-01-17 06:00", "2026-01-17 15:59", "2026-01-17 16:00")
    assert is_closed(minute_of_week(at), windows).tolist() == [False, True, True, False]
    early = times("2026-01-17 03:59", "2026-01-17 04:00")
    assert is_closed(minute_of_week(early), windows, before=120, longer=120).tolist() == [False, True]
    assert is_closed(minute_of_week(early), windows, before=120, longer=601).tolist() == [False, False]
    assert is_closed(minute_of_week(at), ()).tolist() == [False] * 4


def test_a_closure_may_cross_the_end_of_the_week():
    """Sunday night to Monday morning, and the hours before Monday's on Sunday."""
    at = times("2026-01-18 21:30", "2026-01-18 22:30")  # server: Sunday 23:30, Monday 00:30
    assert is_closed(minute_of_week(at), (("Sun", "23:00", "01:00"),)).tolist() == [True, True]
    assert is_closed(minute_of_week(at), (("Mon", "01:00", "04:00"),), before=120, longer=120).tolist() == [
        True,
        True,
    ]


def test_weekends_are_the_servers():
    """Saturday begins at 22:00 UTC on a winter's Friday."""
    at = times("2026-01-16 21:59", "2026-01-16 22:00", "2026-01-18 22:00")
    assert is_weekend(minute_of_week(at)).tolist() == [False, True, False]
