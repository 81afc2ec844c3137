"""The last candles of one symbol, one at a time: short gaps filled, no more kept than features look back."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

    A copy shares what was held when it was made: whoever adds next to what another has added to moves out.
    """

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        self._capacity, self._step, self._max_fill = capacity, step, max_fill
        self.clear()

    def clear(self) -> None:
        """Drop all candles."""
        self._first, self.has_dropped = 0, False
        self._start = self._stop = self._n_real = 0
        self._make_room(0)

    def __copy__(self) -> "CandleBuffer":
        # One of each candle is made: the copier of the standard library takes ten times as long.
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __len__(self) -> int:
        return self._stop - self._start - self._first

    @property
    def start(self) -> int:
        """Open time of the first of the consecutive candles."""
        return int(self.time[self._first])

    @property
    def time(self) -> NDArray[np.int64]:
        """Open times, (n,) microseconds."""
        time: NDArray[np.int64] = self._time[self._start : self._stop]
        return time

    @property
    def rows(self) -> FloatArray:
        """Prices and volumes, (n, 5)."""
        return self._values[:, self._start : self._stop].T

    @property
    def is_filled(self) -> NDArray[np.bool_]:
        """Which candles were missing, (n,)."""
        is_filled: NDArray[np.bool_] = self._is_filled[self._start : self._stop]
        return is_filled

    def add_values(self, time: int, values: FloatArray) -> int:
        """Add the next candle, its open time and (5,) prices and volume; return how many are missing before.

        Up to `max_fill` missing ones are filled flat; after more the consecutive ones start here. ValueError
        if it is not after the newest.
        """
        if not len(self):
            self._append(time, values, False)
            return 0
        newest = int(self._time[self._stop - 1])
        ahead = time - newest
        if ahead <= 0:
            raise ValueError(f"{time} is not after {newest}, the newest candle's open time")
        missing = int(count_missing(ahead, self._step))
        if is_too_long(missing, self._max_fill):
            self._first = self._stop - self._start
        elif missing:
            flat = flat_candles(self._values[3, self._stop - 1 : self._stop])
            filling = np.array([flat[name][0] for name in OHLCV])
            for k in range(1, missing + 1):
                self._append(newest + k * self._step, filling, True)
        self._append(time, values, False)
        return missing

    def candles(self, leader: "CandleBuffer | None", count: int, back: int = 0) -> Candles:
        """Return `count` candles as features take them, beside the closes of `leader` before each.

        The last of them is the one `back` before the newest; without a `leader` the closes are its own.
        """
        stop = self._stop - back
        start = max(self._start, stop - count)
        time, source = self._time[start:stop], self if leader is None else leader
        before = close_before(time, *source._real(), self._step, self._max_fill)
        open_, high, low, close, volume = self._values[:, start:stop]
        return Candles(time // MICROSECONDS, open_, high, low, close, volume, before)

    def _real(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Open times and closes of the candles that were not filled, (k,) each."""
        time = self._real_time[: self._n_real]
        first = np.searchsorted(time, self._time[self._start]) if self._n_real else 0
        return time[first:], self._real_close[first : self._n_real]

    def _append(self, time: int, values: FloatArray, is_filled: bool) -> None:
        if self._used != [self._stop, self._n_real] or self._stop == len(self._time):
            self._make_room(self._capacity)
        self._time[self._stop], self._is_filled[self._stop] = time, is_filled
        self._values[:, self._stop] = values
        if not is_filled:
            self._real_time[self._n_real], self._real_close[self._n_real] = time, values[3]
            self._n_real += 1
        self._stop += 1
        if self._stop - self._start > self._capacity:
            self._start, self._first, self.has_dropped = self._start + 1, max(0, self._first - 1), True
        self._used[:] = self._stop, self._n_real

    def _make_room(self, more: int) -> None:
        """Move to arrays of its own with room for `more` candles; others may still hold the old ones."""
        time, values, is_filled = (
            (self.time, self.rows.T, self.is_filled) if more else (np.empty(0), np.empty((5, 0)), np.empty(0))
        )
        real = self._real() if more else (np.empty(0), np.empty(0))
        self._time, self._is_filled = _longer(time, more, np.int64), _longer(is_filled, more, np.bool_)
        self._values = np.stack([_longer(row, more, np.float64) for row in values])
        self._real_time = _longer(real[0], more, np.int64)
        self._real_close = _longer(real[1], more, np.float64)
        self._start, self._stop, self._n_real = 0, len(time), len(real[0])
        self._used = [self._stop, self._n_real]  # shared with copies: how far these arrays are written


def _longer(values: Any, more: int, kind: Any) -> Any:
    return np.concatenate([values, np.zeros(more)]).astype(kind)
