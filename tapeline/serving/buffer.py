"""The last candles of one symbol: checked, short gaps filled, and no more of them than features look back."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tapeline.features.declare import Candles, FloatArray
from tapeline.schema import OHLCV, PRICES

MICROSECONDS = 60_000_000  # a minute
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class CandleError(ValueError):
    """A candle that can't be taken; the buffer is as it was before."""


class Buffer:
    """Consecutive candles of one symbol, the newest last; `rows` is (n, 5), `time` (n,) open, microseconds.

    is_filled : which of them were not there and repeat the close before
    """

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        self._capacity, self._step, self._max_fill = capacity, step, max_fill
        self._spacing = 0  # between the last two candles, where that was a gap
        self.clear()

    def clear(self) -> None:
        """Forget everything: what comes next begins anew."""
        self.time = np.empty(0, np.int64)
        self.rows = np.empty((0, len(OHLCV)))
        self.is_filled = np.empty(0, bool)

    def __len__(self) -> int:
        return len(self.time)

    def add(self, candle: Mapping[str, Any]) -> int:
        """Take the next candle; return how many were missing before it. CandleError says what is wrong.

        Up to `max_fill` missing ones are filled flat; after more the buffer begins anew with this candle.
        """
        time, values = read_candle(candle, self._step)
        if not len(self):
            self._put(time, values[None, :], np.array([False]))
            return 0
        ahead = time - self.time[-1]
        if ahead <= 0:
            raise CandleError(
                f"{show(time)} is not after {show(self.time[-1])}: out of order, or there already"
            )
        missing = int(ahead // self._step) - 1
        if missing and ahead == self._spacing:
            self.clear()
            found, wanted = (length // MICROSECONDS for length in (ahead, self._step))
            raise CandleError(
                f"these look like {found}-minute candles, and this model takes {wanted}-minute ones"
            )
        self._spacing = ahead if missing else 0
        if missing > self._max_fill:
            self.clear()
        elif missing:
            flat = np.tile([*[self.rows[-1, 3]] * len(PRICES), 0.0], (missing, 1))
            self._put(self.time[-1] + self._step * np.arange(1, missing + 1), flat, np.ones(missing, bool))
        self._put(time, values[None, :], np.array([False]))
        return missing

    def candles(self, leader: "Buffer | None", count: int) -> Candles:
        """Return the last `count` as features take them, beside the closes of `leader` one before each."""
        time, values = self.time[-count:], self.rows[-count:]
        known = self if leader is None else leader
        before = np.full(len(time), np.nan)
        if len(known):
            position = np.searchsorted(known.time, time - self._step)
            position = np.minimum(position, len(known) - 1)
            is_there = known.time[position] == time - self._step
            before[is_there] = known.rows[position[is_there], 3]
        columns = {name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(OHLCV)}
        return Candles(time // MICROSECONDS, **columns, leader_close=before)

    def _put(self, time: Any, values: FloatArray, is_filled: Any) -> None:
        keep = self._capacity
        self.time = np.append(self.time, time)[-keep:]
        self.rows = np.concatenate([self.rows, values])[-keep:]
        self.is_filled = np.append(self.is_filled, is_filled)[-keep:]


def read_candle(candle: Mapping[str, Any], step: int) -> tuple[int, FloatArray]:
    """Open time in microseconds and (5,) prices and volume; CandleError names what is missing or wrong."""
    missing = [name for name in ("timestamp", *OHLCV) if name not in candle]
    if missing:
        raise CandleError(f"{missing[0]} is missing: a candle has timestamp, {', '.join(OHLCV)}")
    time = read_time(candle["timestamp"])
    if time % step:
        raise CandleError(f"timestamp {show(time)} is not on the grid of {step // MICROSECONDS} minutes")
    values = np.empty(len(OHLCV))
    for k, name in enumerate(OHLCV):
        try:
            values[k] = float(candle[name])
        except (TypeError, ValueError):
            raise CandleError(f"{name} is {candle[name]!r}: must be a number") from None
        least = "a number of at least 0" if name == "volume" else "a number above 0"
        if not np.isfinite(values[k]) or values[k] < 0 or (values[k] == 0 and name != "volume"):
            raise CandleError(f"{name} is {values[k]:g}: must be {least}")
    opened, high, low, close = values[:4]
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise CandleError(
            f"open {opened:g} and close {close:g} must lie between low {low:g} and high {high:g}"
        )
    return time, values


def read_time(value: Any) -> int:
    """Microseconds from 1970 of a datetime or ISO 8601 text with a zone; CandleError for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return (moment - EPOCH) // timedelta(microseconds=1)
    except (TypeError, ValueError):
        wanted = "a time with a zone, like 2026-01-31T12:00:00Z"
        raise CandleError(f"timestamp is {value!r}: must be {wanted}") from None


def show(time: int) -> str:
    """A time in microseconds as people write it."""
    return (EPOCH + timedelta(microseconds=int(time))).strftime("%Y-%m-%dT%H:%M:%SZ")
