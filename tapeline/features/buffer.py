"""The last candles of one symbol, one at a time: short gaps filled, no more kept than features look back."""

from typing import Any

import numpy as np

from tapeline.candles import count_missing, flat_candles, is_too_long
from tapeline.features.declare import Candles, FloatArray
from tapeline.features.leader import close_before
from tapeline.schema import OHLCV

MICROSECONDS = 60_000_000  # a minute


def capacity(lookback: int, n_rows: int, max_fill: int) -> int:
    """Candles to keep so that each of the newest `n_rows` can be computed anew from the `lookback` it needs.

    Rows after a gap, and rows that a late candle of the leader makes invalid, are computed afterwards; the
    oldest leader's close used may be a gap old.
    """
    return lookback + n_rows + 2 * max_fill + 1


class CandleBuffer:
    """Candles of one symbol, the newest last; `rows` is (n, 5), `time` (n,) open, microseconds.

    `len` of them are consecutive; those before lie behind a gap, where only followers look.
    is_filled : which of them were missing and repeat the close before
    has_dropped : whether any candle was dropped because the buffer was full
    """

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        self._capacity, self._step, self._max_fill = capacity, step, max_fill
        self.clear()

    def clear(self) -> None:
        """Drop all candles."""
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

    def add_values(self, time: int, values: FloatArray) -> int:
        """Add the next candle, its open time and (5,) prices and volume; return how many are missing before.

        Up to `max_fill` missing ones are filled flat; after more the consecutive ones start here. ValueError
        if it is not after the newest.
        """
        if not len(self):
            self._append(time, values[None, :], np.array([False]))
            return 0
        ahead = time - self.time[-1]
        if ahead <= 0:
            raise ValueError(f"{time} is not after {self.time[-1]}, the newest candle's open time")
        missing = int(count_missing(ahead, self._step))
        if is_too_long(missing, self._max_fill):
            self._first = len(self.time)
        elif missing:
            flat = np.column_stack(list(flat_candles(self.rows[-1:, 3].repeat(missing)).values()))
            self._append(self.time[-1] + self._step * np.arange(1, missing + 1), flat, np.ones(missing, bool))
        self._append(time, values[None, :], np.array([False]))
        return missing

    def candles(self, leader: "CandleBuffer | None", count: int, back: int = 0) -> Candles:
        """Return `count` candles as features take them, beside the closes of `leader` before each.

        The last of them is the one `back` before the newest; without a `leader` the closes are its own.
        """
        stop = len(self.time) - back
        time, values = self.time[max(0, stop - count) : stop], self.rows[max(0, stop - count) : stop]
        source = self if leader is None else leader
        is_real = ~source.is_filled
        before = close_before(time, source.time[is_real], source.rows[is_real, 3], self._step, self._max_fill)
        columns = {name: np.ascontiguousarray(values[:, k]) for k, name in enumerate(OHLCV)}
        return Candles(time // MICROSECONDS, **columns, leader_close=before)

    def _append(self, time: Any, values: FloatArray, is_filled: Any) -> None:
        keep = self._capacity
        dropped = max(0, len(self.time) + len(values) - keep)
        self._first, self.has_dropped = max(0, self._first - dropped), self.has_dropped or dropped > 0
        self.time = np.append(self.time, time)[-keep:]
        self.rows = np.concatenate([self.rows, values])[-keep:]
        self.is_filled = np.append(self.is_filled, is_filled)[-keep:]
