"""Whether a model still does what its bundle promised: figures as labels mature, a test, a state."""

import math
from bisect import insort
from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.promise import (
    AT_LEAST,
    DAILY_PNL,
    OVERCONFIDENCE,
    Figure,
    Promise,
)
from tapeline.evaluation.sequential import Purse, delay
from tapeline.live.labels import Closes, Matured
from tapeline.live.moments import Moment
from tapeline.promotion.contract import Contract
from tapeline.schema import DIRECTION, INTERVAL_MINUTES

OK, WARNING, STOP = "ok", "warning", "stop"
# Hours of a round: long enough that what one of them holds says little of the next (evaluation.sequential).
ROUND_H, OWN_ROUND_H = 8, {OVERCONFIDENCE: 1, DAILY_PNL: 24}
YEAR_H = 365 * 24
WARNING_LEVEL = 0.2  # chance a year of a warning for a model as good as promised
FALL = 0.05  # of accuracy, whose delay is told
Key = tuple[str, str]  # artifact and name of the figure


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


class _Followed:
    """One figure: its rounds, its purse, and what it was over the window."""

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


class Watch:
    """What came of the answers of bundles with a promise.

    contracts, promises : by artifact; a bundle of former code has no promise, and is not watched
    """

    def __init__(
        self, contracts: Mapping[str, Contract], promises: Mapping[str, Promise], params: LiveParams
    ) -> None:
        self._contracts = {name: contracts[name] for name in promises}
        window = int(params.window_days * 86_400e6)
        self._followed: dict[Key, _Followed] = {
            (artifact, name): _Followed(name, figure, window)
            for artifact, promise in promises.items()
            for name, figure in promise.figures.items()
        }
        testable = [each for each in self._followed.values() if each.purse]
        self._needed = max(1, len(testable)) / params.false_stops
        self._warns = max(1, len(testable)) / WARNING_LEVEL
        self._closes: dict[str, dict[str, Closes]] = {}
        # By artifact and bar: symbols that wait for their label, and what those that came say.
        self._moments: dict[tuple[str, int], Moment] = {}
        self._order: dict[str, deque[int]] = {name: deque() for name in self._contracts}
        self._ended = dict.fromkeys(self._contracts, -1)  # the newest bar whose moment was taken
        # By artifact, ten bins of the probability: sum of it, of rises, and how many.
        self.calibration = {name: np.zeros((10, 3)) for name in self._contracts}

    def add(self, symbol: str, time_us: int, close: float, predictions: Mapping[str, float]) -> None:
        """Take a candle and, by artifact, what was predicted at its close; candles of a symbol rise."""
        for artifact, contract in self._contracts.items():
            bar = time_us // _step(contract)
            # One bar of `horizon`: labels that overlap are no independent ones.
            # A symbol that was silent while others went on is not asked of moments that are over.
            is_asked = artifact in predictions and bar % contract.label.horizon == 0
            is_asked = is_asked and bar > self._ended[artifact]
            if is_asked:
                if (artifact, bar) not in self._moments:
                    self._moments[artifact, bar] = Moment()
                    insort(self._order[artifact], bar)
                self._moments[artifact, bar].waiting[symbol] = predictions[artifact]
            closes = self._closes_of(artifact, symbol)
            for label in closes.add(bar, close, is_asked):
                self._mature(artifact, symbol, label)
            self._end_moments(artifact, bar)

    def add_day(self, artifact: str, time_us: int, pnl: float) -> None:
        """Take an account's net PnL of a UTC day that began at `time_us`."""
        followed = self._followed.get((artifact, DAILY_PNL))
        if followed:
            low, high = followed.figure.low, followed.figure.high
            followed.add(time_us, float(np.clip((pnl - low) / (high - low), 0.0, 1.0)))

    def _closes_of(self, artifact: str, symbol: str) -> Closes:
        by_symbol = self._closes.setdefault(artifact, {})
        if symbol not in by_symbol:
            contract = self._contracts[artifact]
            by_symbol[symbol] = Closes(contract.label.horizon, contract.input.max_fill)
        return by_symbol[symbol]

    def _mature(self, artifact: str, symbol: str, label: Matured) -> None:
        moment = self._moments.get((artifact, label.bar))
        if moment is None or symbol not in moment.waiting:
            return
        predicted, contract = moment.waiting.pop(symbol), self._contracts[artifact]
        value = label.direction if contract.label.name == DIRECTION else label.trend_strength
        if not math.isnan(value):
            moment.predicted.append(predicted)
            moment.labels.append(value)
            if contract.label.name == DIRECTION:
                self.calibration[artifact][min(9, int(predicted * 10))] += predicted, value, 1

    def _end_moments(self, artifact: str, bar: int) -> None:
        """Take the moments that are whole, in their order, and those that wait for what will not come."""
        contract, order = self._contracts[artifact], self._order[artifact]
        patience = 2 * contract.label.horizon + contract.input.max_fill + 2
        while order:
            moment = self._moments[artifact, order[0]]
            is_whole = not moment.waiting and bar > order[0] + contract.label.horizon
            if not is_whole and bar <= order[0] + patience:
                return
            at = self._ended[artifact] = order.popleft()
            del self._moments[artifact, at]
            for name, value in moment.values(contract).items():
                if (artifact, name) in self._followed and not math.isnan(value):
                    self._followed[artifact, name].add(at * _step(contract), value)

    @property
    def lines(self) -> list[Line]:
        """Every figure as it is now."""
        found = []
        for (artifact, name), followed in self._followed.items():
            figure, recent = followed.figure, followed.recent
            rolling = _plain(figure, float(np.mean([value for _, value in recent])), name) if recent else None
            found.append(
                Line(
                    artifact, name, _plain(figure, figure.mean, name),
                    None if figure.bound is None else _plain(figure, figure.bound, name),
                    rolling, len(recent), followed.most, self._needed,
                )
            )  # fmt: skip
        return found

    @property
    def is_stopped(self) -> bool:
        """Whether any figure has broken its promise; once it has, it stays so."""
        return any(followed.most >= self._needed for followed in self._followed.values())

    @property
    def stops(self) -> list[str]:
        """Why the models must stop, a reason a figure; once there is one it stays."""
        return [
            f"{line.artifact}: {_said(line)}: evidence {line.evidence:,.0f} of {line.needed:,.0f}"
            for line in self.lines
            if line.state == STOP
        ]

    @property
    def warnings(self) -> list[str]:
        """What looks bad and may be chance."""
        return [
            f"{line.artifact}: {_said(line)}: evidence {line.evidence:,.1f} of {line.needed:,.0f}"
            for line in self.lines
            if self._warns <= line.evidence < line.needed
        ]

    @property
    def names(self) -> set[Key]:
        """Artifact and name of every figure."""
        return set(self._followed)

    def figure(self, artifact: str, name: str) -> Figure:
        """What was promised of a figure."""
        return self._followed[artifact, name].figure

    def series(self, artifact: str, name: str) -> list[tuple[int, float]]:
        """Time in microseconds and value of the moments of the window, in 0..1."""
        return list(self._followed[artifact, name].recent) if (artifact, name) in self._followed else []

    def delay_days(self, artifact: str) -> float | None:
        """Median days until an accuracy that falls by FALL stops the model; None: not within a year.

        Both figures that see it are looked at: accuracy, and the confidence that is then not earned.
        """
        found = []
        for name, fall in (("accuracy", -FALL), (OVERCONFIDENCE, FALL / 2)):
            followed = self._followed.get((artifact, name))
            if followed is None or followed.figure.bound is None:
                continue
            figure, contract, bound = followed.figure, self._contracts[artifact], followed.figure.bound
            hours = OWN_ROUND_H.get(name, ROUND_H)
            a_round = hours * 3_600_000_000 / (contract.label.horizon * _step(contract))
            deviation = figure.deviation / math.sqrt(max(1.0, a_round))
            n = delay(bound, figure.mean + fall, deviation, followed.rounds, self._needed, name in AT_LEAST)
            if n > 0:
                found.append(n * hours / 24)
        return min(found) if found else None


def _step(contract: Contract) -> int:
    """Microseconds of a bar."""
    return INTERVAL_MINUTES[contract.input.interval] * 60_000_000


def _plain(figure: Figure, share: float, name: str) -> float:
    """A figure in its own unit: confidence less hits for overconfidence, money for PnL."""
    if name == OVERCONFIDENCE:
        return 2 * share - 1
    return figure.low + share * (figure.high - figure.low)


def _said(line: Line) -> str:
    now = "not known" if line.rolling is None else f"{line.rolling:,.4g}"
    bound = (
        ""
        if line.bound is None
        else f", {'at least' if line.name in AT_LEAST else 'at most'} {line.bound:,.4g}"
    )
    return f"{line.name.replace('_', ' ')} is {now} where {line.promised:,.4g}{bound} was promised"
