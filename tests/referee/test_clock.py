"""Two clocks: the server's, whose nights cost swap and whose hours widen the spread, and Prague's."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.referee.clock import account_day, half_spread, nights_before, server_clock
from tests.referee.hand_made import ACCOUNT, INSTRUMENT

MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2030, 1, 1)).map(lambda t: t.replace(tzinfo=UTC))


def micro(*moments):
    """Times as the referee has them."""
    return np.array([round(t.timestamp() * 1e6) for t in moments], np.int64)


@given(MOMENTS)
def test_days_end_in_prague_and_the_server_goes_by_new_york(moment):
    """Date by the local calendar; two hours ahead of UTC, three in New York's summer."""
    day = moment.astimezone(ZoneInfo("Europe/Prague")).date()
    assert account_day(micro(moment))[0] == (day - datetime(1970, 1, 1).date()).days
    is_summer = moment.astimezone(ZoneInfo("America/New_York")).dst() == timedelta(hours=1)
    assert server_clock(micro(moment))[0] == micro(moment + timedelta(hours=3 if is_summer else 2))[0]


@pytest.mark.parametrize(
    ("moment", "nights"),
    [
        ("2026-01-16 22:00", 3),  # the night that begins on a Friday
        ("2026-01-15 22:00", 1),
        ("2026-01-17 22:00", 0),
        ("2026-07-16 21:00", 1),
        ("2026-03-12 21:00", 1),  # New York has summer time, Prague has none yet
        ("2026-03-12 22:00", 0),
        ("2026-01-15 23:00", 0),  # Prague's midnight books no swap
    ],
)
def test_a_night_is_booked_at_the_servers_midnight(moment, nights):
    """And counts as what its weekday says."""
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    before, after = nights_before(micro(at - timedelta(minutes=1), at), (1, 1, 1, 1, 3, 0, 0))
    assert after - before == nights


@pytest.mark.parametrize(
    ("moment", "multiple"),
    [
        ("2026-01-14 21:54", 1), ("2026-01-14 21:55", 3), ("2026-01-14 22:09", 3), ("2026-01-14 22:10", 1),
        ("2026-07-14 20:55", 3), ("2026-07-14 21:10", 1), ("2026-01-16 21:54", 1), ("2026-01-16 22:30", 3),
        ("2026-01-18 21:30", 3), ("2026-01-18 22:10", 1),
    ],
)  # fmt: skip
def test_spreads_widen_at_rollover_and_on_the_servers_weekend(moment, multiple):
    """Up to the minute, in summer and winter."""
    at = micro(datetime.fromisoformat(moment).replace(tzinfo=UTC))
    assert half_spread(at, ACCOUNT, INSTRUMENT)[0] == pytest.approx(multiple * INSTRUMENT.spread / 2)
