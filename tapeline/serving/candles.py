"""A candle as it arrives, text or numbers: read, or refused with the reason."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import numpy as np

from tapeline.candles import are_disordered
from tapeline.errors import brief as brief_value
from tapeline.features.buffer import MICROSECONDS
from tapeline.features.declare import FloatArray
from tapeline.market.cells import EPOCH_SECONDS, EPOCH_UNITS
from tapeline.schema import OHLCV

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
YEARS = (1970, 2200)  # of a candle, from and before; the simulated market may be of any of them
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
DIGITS = re.compile(r"\d+", re.ASCII)
LARGEST = 1e30  # far above any price or volume; products of such are still numbers
LONGEST_VALUE = 60  # characters of a value in an error message


class CandleError(ValueError):
    """A candle that can't be used; the buffer is left unchanged."""


def read_candle(candle: Mapping[str, Any], step: int) -> tuple[int, FloatArray]:
    """Open time in microseconds and (5,) prices and volume; CandleError names what is missing or wrong."""
    missing = [name for name in ("timestamp", *OHLCV) if name not in candle]
    if missing:
        raise CandleError(f"{missing[0]} is missing: a candle has timestamp, {', '.join(OHLCV)}")
    time = read_time(candle["timestamp"])
    if time % step:
        raise CandleError(f"timestamp {show(time)} is not on the grid of {step // MICROSECONDS} minutes")
    values = []
    for name in OHLCV:
        value = read_number(name, candle[name])
        if not 0 <= value < LARGEST or (value == 0 and name != "volume"):
            least = "of at least 0" if name == "volume" else "above 0"
            raise CandleError(f"{name} is {value:g}: must be a number {least} and below {LARGEST:g}")
        values.append(value)
    opened, high, low, close = values[:4]
    if are_disordered(opened, high, low, close):
        raise CandleError(
            f"open {opened:g} and close {close:g} must lie between low {low:g} and high {high:g}"
        )
    return time, np.array(values)


def read_number(name: str, value: Any) -> float:
    """A number, or one as text; CandleError for anything else, also for `1_000`, which Python takes."""
    try:
        if not isinstance(value, bool | np.bool_) and not (
            isinstance(value, str) and not NUMBER.fullmatch(value)
        ):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise CandleError(f"{name} is {brief(value)}: must be a number")


def read_time(value: Any) -> int:
    """Microseconds from 1970 of a datetime, ISO 8601 text with a zone, or an epoch in s, ms, us or ns.

    An epoch, a number or its digits, has its unit recognised by its size. CandleError for anything else.
    """
    if isinstance(value, str) and DIGITS.fullmatch(value):
        value = int(value[:30])
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        return read_epoch(cast("float", value))  # which all of these can stand for
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        time = int((moment - EPOCH) // timedelta(microseconds=1))
        is_of_the_years = YEARS[0] <= moment.year < YEARS[1]
    except (AttributeError, TypeError, ValueError, OverflowError):
        rule = "a time with a zone, like 2026-01-31T12:00:00Z, or an epoch, like 1769860800000"
        raise CandleError(f"timestamp is {brief(value)}: must be {rule}") from None
    if not is_of_the_years:
        raise CandleError(f"timestamp is {brief(value)}: must be of the years {YEARS[0]} to {YEARS[1] - 1}")
    return time


def read_epoch(value: float) -> int:
    """Microseconds from 1970 of an epoch; its unit is recognised by its size, as in files."""
    for per_second in EPOCH_UNITS.values():
        if EPOCH_SECONDS[0] * per_second <= value < EPOCH_SECONDS[1] * per_second:
            micros = EPOCH_UNITS["us"]
            if per_second > micros:
                return int(value) // (per_second // micros)
            return round(value * (micros // per_second))
    rule = f"an epoch in {', '.join(EPOCH_UNITS)} between 1990 and 2100, or ISO 8601 with a zone"
    raise CandleError(f"timestamp is {brief(value)}: must be {rule}")


def show(time: int) -> str:
    """A time in microseconds as people write it, to the second."""
    return f"{np.datetime64(int(time), 'us').astype('datetime64[s]')}Z"


def brief(value: Any) -> str:
    """A value as an error message shows it: at most LONGEST_VALUE characters."""
    return brief_value(value, LONGEST_VALUE)
