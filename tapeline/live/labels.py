"""Labels as they mature: what came of predictions, from the closes that followed."""

from collections import deque
from typing import NamedTuple

import numpy as np

from tapeline.candles import is_too_long
from tapeline.features.labels import direction, trend_strength


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
        filled = np.full(self._horizon + 1, np.nan)
        last, close = None, np.nan
        for at, value in self._closes:
            if at > bar and last is not None:
                if is_too_long(at - last - 1, self._max_fill):
                    return Matured(bar, np.nan, np.nan)
                filled[max(0, last - bar) : min(at, until + 1) - bar] = close
            if bar <= at <= until:
                filled[at - bar] = value
            last, close = at, value
            if at >= until:
                break
        return Matured(
            bar,
            float(direction(filled, self._horizon)[0]),
            float(trend_strength(filled, self._horizon)[0]),
        )
