"""The last candles of one symbol: checked, short gaps filled, and no more of them than features look back."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from tapeline.features.declare import Candles, FloatArray
from tapeline.features.leader import close_before
from tapeline.schema import OHLCV, PRICES

MICROSECONDS = 60_000_000  # a minute
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?", re.ASCII)
EQUAL_GAPS = 4  # in a row, from the first candle on: candles of another interval
LARGEST = 1e30  # far above any price or volume; products of such are still numbers


class CandleError(ValueError):
    """A candle that can't be taken; the buffer is as it was before."""


class Buffer:
    """Candles of one symbol, the newest last; `rows` is (n, 5), `time` (n,) open, microseconds.

    `len` of them are consecutive; those before lie behind a gap, where only followers look.
    is_filled : which of them were not there and repeat the close before
    has_dropped : whether there were more once than are kept
    """

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        self._capacity, self._step, self._max_fill = capacity, step, max_fill
        self._is_in_step = False  # whether any candle followed right upon the one before
        self._spacing, self._n_equal = 0, 0  # of the last gap, and how many in a row are as wide
        self.clear()

    def clear(self) -> None:
        """Forget everything: what comes next begins anew."""
        self._first, self.has_dropped = 0, False
        self.time = np.empty(0, np.int64)
        self.rows = np.empty((0, len(OHLCV)))
        self.is_filled = np.empty(0, bool)

    def __len__(self) -> int:
        return len(self.time) - self._first

    @property
    def start(self) -> int:
        """Open time of the first of the consecutive candles."""
        return int(self.time[self._first])

    def add(self, candle: Mapping[str, Any]) -> int:
        """Take the next candle; return how many were missing before it. CandleError says what is wrong.

        Up to `max_fill` missing ones are filled flat; after more the buffer begins anew with this candle.
        """
        return self.take(*read_candle(candle, self._step))

    def take(self, time: int, values: FloatArray) -> int:
        """Take what `read_candle` has read, as `add` does."""
        if not len(self):
            self._put(time, values[None, :], np.array([False]))
            return 0
        ahead = time - self.time[-1]
        if ahead <= 0:
            raise CandleError(
                f"{show(time)} is not after {show(self.time[-1])}: out of order, or there already"
            )
        missing = int(ahead // self._step) - 1
        self._check_interval(ahead)
        if missing > self._max_fill:
            self._first = len(self.time)
        elif missing:
            flat = np.tile([*[self.rows[-1, 3]] * len(PRICES), 0.0], (missing, 1))
            self._put(self.time[-1] + self._step * np.arange(1, missing + 1), flat, np.ones(missing, bool))
        self._put(time, values[None, :], np.array([False]))
        return missing

    def _check_interval(self, ahead: int) -> None:
        """Forget everything and raise CandleError where candles have come in equal gaps from the first on.

        Once two stood in step, equal gaps are minutes without a trade.
        """
        self._is_in_step = self._is_in_step or ahead == self._step
        self._n_equal = self._n_equal + 1 if ahead == self._spacing else 1
        self._spacing = ahead
        if not self._is_in_step and self._n_equal >= EQUAL_GAPS:
            self.clear()
            found, wanted = (length // MICROSECONDS for length in (ahead, self._step))
            raise CandleError(
                f"these look like {found}-minute candles, and this model takes {wanted}-minute ones"
            )

    def candles(self, leader: "Buffer | None", count: int) -> Candles:
        """Return the last `count` as features take them, beside the closes of `leader` before each."""
        time, values = self.time[-count:], self.rows[-count:]
        known = self if leader is None else leader
        is_real = ~known.is_filled
        before = close_before(time, known.time[is_real], known.rows[is_real, 3], self._step, self._max_fill)
        columns = {name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(OHLCV)}
        return Candles(time // MICROSECONDS, **columns, leader_close=before)

    def _put(self, time: Any, values: FloatArray, is_filled: Any) -> None:
        keep = self._capacity
        dropped = max(0, len(self.time) + len(values) - keep)
        self._first, self.has_dropped = max(0, self._first - dropped), self.has_dropped or dropped > 0
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
        values[k] = read_number(name, candle[name])
        if not 0 <= values[k] < LARGEST or (values[k] == 0 and name != "volume"):
            least = "of at least 0" if name == "volume" else "above 0"
            raise CandleError(f"{name} is {values[k]:g}: must be a number {least} and below {LARGEST:g}")
    opened, high, low, close = values[:4]
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise CandleError(
            f"open {opened:g} and close {close:g} must lie between low {low:g} and high {high:g}"
        )
    return time, values


def read_number(name: str, value: Any) -> float:
    """A number, or one as text; CandleError for anything else, also for what Python takes as one."""
    try:
        if not isinstance(value, bool | np.bool_) and not (
            isinstance(value, str) and not NUMBER.fullmatch(value)
        ):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    told = repr(value)
    raise CandleError(f"{name} is {told if len(told) < 40 else told[:36] + '...'}: must be a number")


def read_time(value: Any) -> int:
    """Microseconds from 1970 of a datetime or ISO 8601 text with a zone; CandleError for anything else."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        return int((moment - EPOCH) // timedelta(microseconds=1))
    except (TypeError, ValueError, OverflowError):
        wanted = "a time with a zone, like 2026-01-31T12:00:00Z"
        raise CandleError(f"timestamp is {value!r}: must be {wanted}") from None


def show(time: int) -> str:
    """A time in microseconds as people write it."""
    return (EPOCH + timedelta(microseconds=int(time))).strftime("%Y-%m-%dT%H:%M:%SZ")
