"""One figure of a promise: what it is over a window of moments, and the evidence that it is broken."""

import math
from collections import deque
from typing import NamedTuple

import numpy as np

from tapeline.evaluation.promise import AT_LEAST, DAILY_PNL, OVERCONFIDENCE, Figure
from tapeline.evaluation.sequential import Purse, delay

OK, WARNING, STOP = "ok", "warning", "stop"
# Hours of a round: long enough that what one of them holds says little of the next (evaluation.sequential).
ROUND_H, OWN_ROUND_H = 8, {OVERCONFIDENCE: 1, DAILY_PNL: 24}
YEAR_H = 365 * 24


class Line(NamedTuple):
    """One figure as it is now. Values are in its own unit; evidence at `needed` stops."""

    artifact: str
    name: str
    promised: float
    bound: float | None
    rolling: float | None  # mean of the window's moments
    moments: int  # of the window
    evidence: float
    needed: float

    @property
    def state(self) -> str:
        """Of this figure alone."""
        return STOP if self.evidence >= self.needed else OK


class Held:
    """One figure held against its promise: its rounds, its purse, and what it was over the window."""

    def __init__(self, name: str, figure: Figure, window_us: int) -> None:
        self.name, self.figure, self._window = name, figure, window_us
        hours = OWN_ROUND_H.get(name, ROUND_H)
        self._round_us, self.rounds = hours * 3_600_000_000, YEAR_H // hours
        bound = figure.bound
        self.purse = None if bound is None else Purse(bound, name in AT_LEAST, self.rounds)
        self._round, self._values = -1, list[float]()
        self.recent: deque[tuple[int, float]] = deque()
        self.most = 0.0  # evidence that there ever was

    def add(self, time_us: int, value: float) -> None:
        """Take the value of a moment; moments come in order."""
        number = time_us // self._round_us
        if number != self._round:
            self._end_round()
            self._round = number
        self._values.append(value)
        self.recent.append((time_us, value))
        while self.recent[0][0] <= time_us - self._window:
            self.recent.popleft()

    def _end_round(self) -> None:
        if self._values and self.purse:
            self.most = max(self.most, self.purse.update(float(np.mean(self._values))))
        self._values = []

    def line(self, artifact: str, needed: float) -> Line:
        """The figure as it is now."""
        figure, recent = self.figure, self.recent
        rolling = self._plain(float(np.mean([value for _, value in recent]))) if recent else None
        bound = None if figure.bound is None else self._plain(figure.bound)
        promised = self._plain(figure.mean)
        return Line(artifact, self.name, promised, bound, rolling, len(recent), self.most, needed)

    def delay_days(self, fall: float, moment_us: int, needed: float) -> float | None:
        """Median days until a mean that moved by `fall` is found; None: not within a year.

        moment_us : between two moments; needed : evidence that stops
        """
        if self.figure.bound is None:
            return None
        deviation = self.figure.deviation / math.sqrt(max(1.0, self._round_us / moment_us))
        mean, is_floor = self.figure.mean + fall, self.name in AT_LEAST
        n = delay(self.figure.bound, mean, deviation, self.rounds, needed, is_floor)
        return n * self._round_us / 86_400e6 if n > 0 else None

    def _plain(self, share: float) -> float:
        """A share of the range in the figure's own unit: confidence less hits for overconfidence."""
        if self.name == OVERCONFIDENCE:
            return 2 * share - 1
        return self.figure.low + share * (self.figure.high - self.figure.low)


def said(line: Line) -> str:
    """A figure beside what was promised of it, for people."""
    now = "not known" if line.rolling is None else f"{line.rolling:,.4g}"
    bound = (
        ""
        if line.bound is None
        else f", {'at least' if line.name in AT_LEAST else 'at most'} {line.bound:,.4g}"
    )
    return f"{line.name.replace('_', ' ')} is {now} where {line.promised:,.4g}{bound} was promised"
