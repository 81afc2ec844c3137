"""The last candles of one symbol: checked, short gaps filled, and no more of them than features look back."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tapeline.candles import count_missing, flat_candles, is_too_long
from tapeline.features.declare import Candles, FloatArray
from tapeline.features.leader import close_before
from tapeline.schema import OHLCV
from tapeline.serving.candles import MICROSECONDS, CandleError, read_candle, show

EQUAL_GAPS = 4  # in a row, from the first candle on: candles of another interval


class Buffer:
    """Candles of one symbol, the newest last; `rows` is (n, 5), `time` (n,) open, microseconds.

    `len` of them are consecutive; those before lie behind a gap, where only followers look.
    is_filled : which of them were missing and repeat the close before
    has_dropped : whether any candle was dropped because the buffer was full
    """

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        self._capacity, self._step, self._max_fill = capacity, step, max_fill
        self._is_in_step = False  # whether any candle followed the one before without a gap
        self._spacing, self._n_equal = 0, 0  # of the last gap, and how many in a row are as wide
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

    def add(self, candle: Mapping[str, Any]) -> int:
        """Add the next candle; return how many were missing before it. CandleError says what is wrong.

        Up to `max_fill` missing ones are filled flat; after more the consecutive ones start here.
        """
        return self.add_values(*read_candle(candle, self._step))

    def add_values(self, time: int, values: FloatArray) -> int:
        """Add a candle as `add` does, from its open time in microseconds and its (5,) prices and volume."""
        if not len(self):
            self._append(time, values[None, :], np.array([False]))
            return 0
        ahead = time - self.time[-1]
        if ahead <= 0:
            raise CandleError(
                f"{show(time)} is not after {show(self.time[-1])}: out of order, or there already"
            )
        missing = int(count_missing(ahead, self._step))
        self._check_interval(ahead)
        if is_too_long(missing, self._max_fill):
            self._first = len(self.time)
        elif missing:
            flat = np.column_stack(list(flat_candles(self.rows[-1:, 3].repeat(missing)).values()))
            self._append(self.time[-1] + self._step * np.arange(1, missing + 1), flat, np.ones(missing, bool))
        self._append(time, values[None, :], np.array([False]))
        return missing

    def _check_interval(self, ahead: int) -> None:
        """Drop all candles and raise CandleError where candles have come in equal gaps from the first on.

        Once two stood in step, equal gaps are minutes without a trade.
        """
        self._is_in_step = self._is_in_step or ahead == self._step
        self._n_equal = self._n_equal + 1 if ahead == self._spacing else 1
        self._spacing = ahead
        if not self._is_in_step and self._n_equal >= EQUAL_GAPS:
            self.clear()
            spacing, expected = (length // MICROSECONDS for length in (ahead, self._step))
            raise CandleError(
                f"these look like {spacing}-minute candles, and this model takes {expected}-minute ones"
            )

    def candles(self, leader: "Buffer | None", count: int) -> Candles:
        """Return the last `count` as features take them, beside the closes of `leader` before each."""
        time, values = self.time[-count:], self.rows[-count:]
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
