"""What the name of a candle file says: its number, the days it covers, its interval."""

import re
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from tapeline.market.formats import stem_of
from tapeline.schema import INTERVAL_MINUTES

DATE = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:[-_.]?(0[1-9]|1[0-2])(?:[-_.]?(0[1-9]|[12]\d|3[01]))?)?(?!\d)")
UNIT_MINUTES = {"m": 1, "min": 1, "minute": 1, "h": 60, "hour": 60, "d": 1440, "day": 1440}
# Not 1M, a month: only the letter's case distinguishes it from a minute, and both are written for both.
INTERVAL = re.compile(
    r"(?<![A-Za-z0-9])(\d{1,4})[-_ ]?(min(?:ute)?s?|hours?|days?|m|h|d)(?![A-Za-z0-9])", re.I
)
MAYBE_INTERVALS = {*INTERVAL_MINUTES.values(), 30, 240, 720, 1440}  # as dumps number their files by minutes

Period = tuple[date, date]  # first and last day


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Key that sorts names as a person would: `export_2` before `export_10`."""
    parts = re.split(r"(\d+)", name)
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts if part]


def find_period(path: Path) -> Period | None:
    """Return the days that the name of `path` says it covers, from its first date to its last, or None."""
    spans = [span for match in DATE.finditer(stem_of(path)) if (span := _span(*match.groups()))]
    if not spans:
        return None
    return min(first for first, _ in spans), max(last for _, last in spans)


def find_interval(path: Path) -> int | None:
    """Return the minutes of one candle, where the name of `path` says one interval, else None."""
    lengths = {int(n) * UNIT_MINUTES[unit.lower().rstrip("s")] for n, unit in INTERVAL.findall(stem_of(path))}
    return lengths.pop() if len(lengths) == 1 else None


@cache
def later_of(one: Path, other: Path) -> Path | None:
    """Return which of two files was written later as far as their names say, by the first rule that applies.

    - Both cover days, and one's days lie within the other's: the shorter, corrected after the longer was
      packed. Otherwise the one that ends later.
    - Both are of one series, alike but for numbers: the one of the higher number.
    """
    period, other_period = find_period(one), find_period(other)
    if period is not None and other_period is not None and period != other_period:
        (first, last), (other_first, other_last) = period, other_period
        if first >= other_first and last <= other_last:
            return one
        if first <= other_first and last >= other_last:
            return other
        return one if last > other_last else other
    is_one_folder = one.parent == other.parent
    (series, numbers), (other_series, other_numbers) = (
        _split_numbers(stem_of(path) if is_one_folder else str(path.with_name(stem_of(path))))
        for path in (one, other)
    )
    may_be_intervals = all(len(n) == 1 and n[0] in MAYBE_INTERVALS for n in (numbers, other_numbers))
    if series != other_series or numbers == other_numbers or (may_be_intervals and _is_dump(series)):
        return None
    return one if numbers > other_numbers else other


def _span(year: str, month: str | None, day: str | None) -> Period | None:
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:  # 2021-02-30
        return None
    if day:
        return first, first
    following = date(
        first.year + (month is None or first.month == 12), first.month % 12 + 1 if month else 1, 1
    )
    return first, following - timedelta(days=1)


def _split_numbers(name: str) -> tuple[str, tuple[int, ...]]:
    """Split a name into its series, letters alone, and its numbers; dates and intervals are neither."""
    bare = DATE.sub("", INTERVAL.sub("", name))
    return re.sub(r"[^a-z]", "", bare.lower()), tuple(map(int, re.findall(r"\d+", bare)))


def _is_dump(series: str) -> bool:
    """Whether a series is no more than a symbol: Kraken's XBTUSD_1 and XBTUSD_60 are two intervals."""
    return series.endswith(("usd", "usdt", "usdc", "eur", "gbp", "jpy", "btc", "eth"))
