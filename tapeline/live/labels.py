"""Labels as they mature: what came of predictions, from the closes that followed."""

import math
from collections import deque
from itertools import pairwise
from typing import NamedTuple

from tapeline.candles import is_too_long


class Matured(NamedTuple):
    """What a bar's prediction of a symbol came to; NaN where there is no such label."""

    bar: int
    direction: float
    trend_strength: float


class Closes:
    """The last closes of one symbol, by bar, and the predictions that wait for them.

    horizon : bars that a label looks ahead; max_fill : missing bars that are filled with the close before
    """

    def __init__(self, horizon: int, max_fill: int) -> None:
        self._horizon, self._max_fill = horizon, max_fill
        self._closes: deque[tuple[int, float]] = deque()
        self._waiting: deque[int] = deque()

    def add(self, bar: int, close: float, is_asked: bool) -> list[Matured]:
        """Take the close of a later bar; return labels of the asked ones that it makes known."""
        self._closes.append((bar, close))
        matured = []
        while self._waiting and self._waiting[0] + self._horizon <= bar:
            matured.append(self._label(self._waiting.popleft()))
        if is_asked:
            self._waiting.append(bar)
        oldest = self._waiting[0] if self._waiting else bar
        while len(self._closes) > 1 and self._closes[1][0] <= oldest:
            self._closes.popleft()
        return matured

    def _label(self, bar: int) -> Matured:
        """The labels of `bar`, if no gap in them is too long to be filled."""
        until = bar + self._horizon
        filled = [math.nan] * (self._horizon + 1)
        last, close = -1, math.nan
        for at, value in self._closes:
            if at > bar and last >= 0:
                if is_too_long(at - last - 1, self._max_fill):
                    return Matured(bar, math.nan, math.nan)
                for k in range(max(0, last - bar), min(at, until + 1) - bar):
                    filled[k] = close
            if bar <= at <= until:
                filled[at - bar] = value
            last, close = at, value
            if at >= until:
                break
        return Matured(bar, *_labels_of(filled))


def _labels_of(close: list[float]) -> tuple[float, float]:
    """`direction` and `trend_strength` of the first of these closes, which the last one makes known.

    What `features.labels` says of a table, for a single candle: a program of features takes as long for one
    as for thousands, and in a minute a hundred symbols may ask.
    """
    move = close[-1] - close[0]
    way = sum(abs(after - before) for before, after in pairwise(close))
    rises = math.nan if move == 0 else float(move > 0)
    return rises, min(abs(move) / way, 1.0) if way else math.nan
