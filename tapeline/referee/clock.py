"""The broker's clock and the account's: nights that cost swap, hours with a wide spread, days of the account.

The server shows UTC+2, and UTC+3 while New York has daylight saving; the account's day ends at midnight in
Prague. Times are opens of candles, microseconds since 1970, UTC.
"""

from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.referee.candles import FloatArray, Mask
from tapeline.referee.rules import AccountRules, InstrumentRules

HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
NEW_YORK, PRAGUE = ZoneInfo("America/New_York"), ZoneInfo("Europe/Prague")
THURSDAY, SATURDAY = 3, 5  # counted from Monday; 1970 began on the first
Times = NDArray[np.int64]


def server_clock(time: Times) -> Times:
    """What the server's clock shows, microseconds since 1970 as if it were UTC; (n,)."""
    summer = _offset(time, NEW_YORK) == -4 * HOUR
    shown: Times = time + np.where(summer, 3, 2) * HOUR
    return shown


def account_day(time: Times) -> Times:
    """Date in Prague, days since 1970; (n,)."""
    return (time + _offset(time, PRAGUE)) // DAY


def nights_before(time: Times, weights: tuple[int, ...]) -> Times:
    """Nights that the server's midnights up to each time count as, all from the first day on; (n,), rising.

    weights : what the night that begins on a Monday, Tuesday... counts as
    """
    day = server_clock(time) // DAY
    if not day.size:
        return day
    dates = np.arange(day.min(), day.max() + 1)
    ended = np.cumsum(np.array(weights, np.int64)[(dates + THURSDAY) % 7])
    nights: Times = np.r_[0, ended][day - dates[0]]
    return nights


def half_spread(time: Times, rules: AccountRules, instrument: InstrumentRules) -> FloatArray:
    """Half the spread, fraction of the price: widened at rollover and on the server's weekend; (n,)."""
    half: FloatArray = instrument.spread / 2 * np.where(_is_wide(time, rules), rules.widening, 1.0)
    return half


def _is_wide(time: Times, rules: AccountRules) -> Mask:
    shown = server_clock(time)
    minute = shown % DAY // (HOUR // 60)
    first, after = (int(text[:2]) * 60 + int(text[3:]) for text in rules.rollover)
    within = (minute >= first) & (minute < after)
    over_midnight = (minute >= first) | (minute < after)
    is_rollover = over_midnight if after < first else within
    is_wide: Mask = is_rollover | ((shown // DAY + THURSDAY) % 7 >= SATURDAY)
    return is_wide


def _offset(time: Times, zone: ZoneInfo) -> Times:
    """What clocks of `zone` show at each time, less UTC."""
    utc = pd.DatetimeIndex(time.view("datetime64[us]")).tz_localize("UTC")
    shown = utc.tz_convert(zone).tz_localize(None).as_unit("us")
    return shown.to_numpy().astype(np.int64) - time
