"""Rows of features as serving comes to them: real candles, one by one, through the buffer that it keeps."""

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.buffer import CandleBuffer, capacity
from tapeline.features.compiled import program_of
from tapeline.features.declare import Feature, FloatArray
from tapeline.features.streaming import newest
from tapeline.quality.ledger import History
from tapeline.schema import OHLCV


class _Feed:
    """The real candles of a table on their way into a buffer; `time` (k,) are their open times."""

    def __init__(self, candles: pd.DataFrame, times: NDArray[np.int64]) -> None:
        is_real = ~candles["is_filled"].to_numpy(bool)
        self.time, self._values = times[is_real], candles[list(OHLCV)].to_numpy(np.float64)[is_real]
        self._next = 0

    def start(self, time: int, buffer: CandleBuffer) -> None:
        """Feed `buffer` from the candle at `time` on."""
        self.buffer, self._next = buffer, int(np.searchsorted(self.time, time))

    def feed_until(self, time: int) -> Iterator[int]:
        """Feed candles up to the one at `time`; before each, yield its own time."""
        while self._next < len(self.time) and self.time[self._next] <= time:
            yield int(self.time[self._next])
            with suppress(ValueError):  # as serving refuses what is out of order, and goes on
                self.buffer.add_values(int(self.time[self._next]), self._values[self._next])
            self._next += 1


def served_rows(
    history: History, cuts: NDArray[np.int64], features: Sequence[Feature], max_fill: int
) -> Iterator[FloatArray]:
    """Values (F,) of `features` at each of the ascending rows `cuts` of `history`, as serving computes them.

    Real candles alone are fed, of a minute the leader's first, and before a cut no more than the buffer
    holds. A filled candle is there once the next real one has come, and its row is computed then. NaN where
    serving has no row.
    """
    program = program_of(tuple(features))
    lookback = program.lookback
    keep = capacity(lookback, 1, max_fill)
    own = _Feed(history.candles, history.times)
    leader = None if history.leader is history.candles else _Feed(history.leader, history.leader_times)
    fed = None  # up to which time
    for cut in cuts:
        time, at = int(history.times[cut]), int(np.searchsorted(own.time, history.times[cut]))
        start = time - (keep - 1) * history.step
        if fed is None or fed < start:
            for feed in (own, leader) if leader else (own,):
                feed.start(start, CandleBuffer(keep, history.step, max_fill))
        fed = int(own.time[at]) if at < len(own.time) else time
        for minute in own.feed_until(fed):
            for _ in leader.feed_until(minute) if leader else ():
                pass
        back = (fed - time) // history.step
        candles = own.buffer.candles(leader.buffer if leader else None, lookback, back)
        is_there = at < len(own.time) and len(own.buffer) - back >= lookback == len(candles.close)
        row = newest(candles, program) if is_there else np.full(len(features), np.nan)
        yield row.astype(np.float64)
