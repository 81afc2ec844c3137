"""The last candles of one symbol as they arrive: read and checked, then kept as features take them."""

from collections.abc import Mapping
from typing import Any

from tapeline.features.buffer import MICROSECONDS, CandleBuffer
from tapeline.features.declare import FloatArray
from tapeline.serving.candles import CandleError, read_candle, show

EQUAL_GAPS = 4  # in a row, from the first candle on: candles of another interval


class Buffer(CandleBuffer):
    """A buffer that refuses what can't be the next candle of its symbol, and says why."""

    def __init__(self, capacity: int, step: int, max_fill: int) -> None:
        """Hold `capacity` candles that are `step` microseconds long."""
        super().__init__(capacity, step, max_fill)
        self._is_in_step = False  # whether any candle followed the one before without a gap
        self._spacing, self._n_equal = 0, 0  # of the last gap, and how many in a row are as wide

    def add(self, candle: Mapping[str, Any]) -> int:
        """Add the next candle; return how many were missing before it. CandleError says what is wrong."""
        return self.add_values(*read_candle(candle, self._step))

    def add_values(self, time: int, values: FloatArray) -> int:
        """Add a candle as `add` does, from its open time in microseconds and its (5,) prices and volume."""
        if len(self):
            ahead = time - self.time[-1]
            if ahead <= 0:
                raise CandleError(
                    f"{show(time)} is not after {show(self.time[-1])}: out of order, or there already"
                )
            self._check_interval(ahead)
        return super().add_values(time, values)

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
