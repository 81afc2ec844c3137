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
        missing = int(count_missing(ahead, self._step))
        self._check_interval(ahead)
        if is_too_long(missing, self._max_fill):
            self._first = len(self.time)
        elif missing:
            flat = np.column_stack(list(flat_candles(self.rows[-1:, 3].repeat(missing)).values()))
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
