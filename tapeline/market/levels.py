"""Price levels that no market moves between: another unit, another symbol, a broken price.

Candles that follow each other overlap or nearly so, even in a crash, since each begins where the one before
ended. So what is judged is the distance between two candles' whole ranges, low..high. The largest of 2.4
million real ones is a factor of 1.008 (XRP-USD on Bitfinex, 2018), in a year with a one-minute crash from
0.80 to 0.49; only what the gap between two candles hides can be more.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.market.raw import RawCandles
from tapeline.market.times import DAY, HOUR, microseconds


class Leap(NamedTuple):
    """Ranges a factor of `factor` apart across at most `gap` microseconds are implausible in a market."""

    factor: float
    gap: int


# Small coins have risen tenfold in a day and thirtyfold in a month: the longer the gap, the more is let pass.
LEAPS = (Leap(8.0, 6 * HOUR), Leap(50.0, 30 * DAY))
# Across candles that are filled, or none, if the level then stays: in one segment nothing may be hidden.
SHIFTS = (Leap(1.25, HOUR), Leap(2.0, 6 * HOUR), Leap(4.0, DAY))
STAY = 60  # candles on either side that must lie half as far apart, in logs, for a level to stay
FEWEST = 5  # of them, where the candles begin or end
UNITS = (10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e8, 1e9)  # cents, thousands, satoshi...
UNIT_TOLERANCE = 0.05  # relative; prices move a little from one candle to the next


def check_levels(kept: pd.DataFrame, raw: RawCandles, interval: int, max_fill: int) -> None:
    """Raise DataError at the first of `kept`, sorted rows of `raw`, whose price level leaps or shifts.

    `interval` is that of a candle in microseconds; up to `max_fill` missing candles leave the segment whole.
    """
    low, high = kept["low"].to_numpy(), kept["high"].to_numpy()
    gaps = np.diff(microseconds(kept["timestamp"]))
    apart = np.maximum(low[1:] / high[:-1], low[:-1] / high[1:])  # (rows - 1,), below 1 where ranges overlap
    is_leap = np.zeros(len(apart), dtype=bool)
    for leap in LEAPS:
        is_leap |= (apart >= leap.factor) & (gaps <= leap.gap)
    is_filled = gaps <= (max_fill + 1) * interval
    for shift in SHIFTS:
        is_near = is_filled & (gaps <= max(shift.gap, interval))
        if (is_shift := is_near & (apart >= shift.factor)).any():
            is_leap |= is_shift & _stays(low, high, sqrt(shift.factor))  # an hour of a market has its width
    if is_leap.any():
        first = int(np.argmax(is_leap))
        _refuse(kept.iloc[first], kept.iloc[first + 1], raw)


def _stays(low: NDArray[np.float64], high: NDArray[np.float64], factor: float) -> NDArray[np.bool_]:
    """Whether the STAY candles up to each row (rows - 1,) and the STAY after it lie `factor` apart."""
    (lowest, lowest_after), (highest, highest_after) = _extremes(low, "min"), _extremes(high, "max")
    n_before = np.arange(1, len(low))
    is_judged = (n_before >= FEWEST) & (len(low) - n_before >= FEWEST)
    return is_judged & ((lowest_after / highest >= factor) | (lowest / highest_after >= factor))


def _extremes(values: NDArray[np.float64], which: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least or greatest of the STAY `values` up to each row (rows - 1,), and of those after it."""
    before, after = (
        pd.Series(each).rolling(STAY, min_periods=1).agg(which).to_numpy() for each in (values, values[::-1])
    )
    return before[:-1], after[::-1][1:]


def _refuse(before: pd.Series, after: pd.Series, raw: RawCandles) -> None:
    ratio = after["open"] / before["close"]
    factor = max(ratio, 1 / ratio)
    times = f"{factor:.3g} times" if ratio > 1 else f"1/{factor:.3g} of"
    is_unit = any(abs(factor / unit - 1) < UNIT_TOLERANCE for unit in UNITS)
    what = "another unit, cents perhaps" if is_unit else "another symbol, or a broken price"
    raise DataError(
        raw.place_of(after), f"price is {times} that of {raw.place_of(before)}, just before: {what}"
    )
