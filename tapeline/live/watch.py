"""Whether a model still does what its bundle promised: figures as labels mature, a test, a state."""

import math
from bisect import insort
from collections import deque
from collections.abc import Mapping

import numpy as np

from tapeline.evaluation.live import LiveParams
from tapeline.evaluation.promise import DAILY_PNL, OVERCONFIDENCE, Figure, Promise
from tapeline.live.figures import STOP, Held, Line, said
from tapeline.live.labels import Closes, Matured
from tapeline.live.moments import Moment
from tapeline.promotion.contract import Contract
from tapeline.schema import DIRECTION, INTERVAL_MINUTES

WARNING_LEVEL = 0.2  # chance a year of a warning for a model as good as promised
FALL = 0.05  # of accuracy, whose delay is told
Key = tuple[str, str]  # artifact and name of the figure


class Watch:
    """What came of the answers of bundles with a promise.

    contracts, promises : by artifact; a bundle of former code has no promise, and is not watched
    """

    def __init__(
        self, contracts: Mapping[str, Contract], promises: Mapping[str, Promise], params: LiveParams
    ) -> None:
        self._contracts = {name: contracts[name] for name in promises}
        window = int(params.window_days * 86_400e6)
        self._held: dict[Key, Held] = {
            (artifact, name): Held(name, figure, window)
            for artifact, promise in promises.items()
            for name, figure in promise.figures.items()
        }
        testable = [each for each in self._held.values() if each.purse]
        self._needed = max(1, len(testable)) / params.false_stops
        self._warns = max(1, len(testable)) / WARNING_LEVEL
        self._step = {name: _step(contract) for name, contract in self._contracts.items()}
        # Labels that look as far ahead are the same for every artifact: each is made once.
        self._alike: dict[tuple[int, int], list[str]] = {}
        for name, contract in self._contracts.items():
            self._alike.setdefault((contract.label.horizon, contract.input.max_fill), []).append(name)
        self._closes: dict[tuple[int, int], dict[str, Closes]] = {key: {} for key in self._alike}
        self._stops: tuple[str, ...] = ()
        # By artifact and bar: symbols that wait for their label, and what those that came say.
        self._moments: dict[tuple[str, int], Moment] = {}
        self._order: dict[str, deque[int]] = {name: deque() for name in self._contracts}
        self._ended = dict.fromkeys(self._contracts, -1)  # the newest bar whose moment was taken
        # By artifact, ten bins of the probability: sum of it, of rises, and how many.
        self.calibration = {name: np.zeros((10, 3)) for name in self._contracts}

    def add(self, symbol: str, time_us: int, close: float, predictions: Mapping[str, float]) -> None:
        """Take a candle and, by artifact, what was predicted at its close; candles of a symbol rise."""
        for key, artifacts in self._alike.items():
            horizon, max_fill = key
            bar = time_us // self._step[artifacts[0]]
            # One bar of `horizon`: labels that overlap are no independent ones.
            asked = [name for name in artifacts if name in predictions] if bar % horizon == 0 else []
            # A symbol that was silent while others went on is not asked of moments that are over.
            asked = [name for name in asked if bar > self._ended[name]]
            for artifact in asked:
                if (artifact, bar) not in self._moments:
                    self._moments[artifact, bar] = Moment()
                    insort(self._order[artifact], bar)
                self._moments[artifact, bar].waiting[symbol] = predictions[artifact]
            closes = self._closes[key]
            if symbol not in closes:
                closes[symbol] = Closes(horizon, max_fill)
            labels = closes[symbol].add(bar, close, bool(asked))
            for artifact in artifacts:
                for label in labels:
                    self._mature(artifact, symbol, label)
                self._end_moments(artifact, bar)

    def add_day(self, artifact: str, time_us: int, pnl: float) -> None:
        """Take an account's net PnL of a UTC day that began at `time_us`."""
        held = self._held.get((artifact, DAILY_PNL))
        if held:
            low, high = held.figure.low, held.figure.high
            held.add(time_us, float(np.clip((pnl - low) / (high - low), 0.0, 1.0)))

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
                if (artifact, name) in self._held and not math.isnan(value):
                    self._held[artifact, name].add(at * self._step[artifact], value)

    def hold(self, stops: tuple[str, ...]) -> None:
        """Stay stopped for these reasons, which were given before, whatever params say now."""
        self._stops = stops

    @property
    def is_held(self) -> bool:
        """Whether it was stopped before."""
        return bool(self._stops)

    @property
    def lines(self) -> list[Line]:
        """Every figure as it is now."""
        return [held.line(artifact, self._needed) for (artifact, _), held in self._held.items()]

    @property
    def is_stopped(self) -> bool:
        """Whether any figure has broken its promise; once it has, it stays so."""
        return bool(self._stops) or any(held.most >= self._needed for held in self._held.values())

    @property
    def stops(self) -> list[str]:
        """Why the models must stop, a reason a figure; once there is one it stays."""
        found = [
            f"{line.artifact}: {said(line)}: evidence {line.evidence:,.0f} of {line.needed:,.0f}"
            for line in self.lines
            if line.state == STOP
        ]
        return found or list(self._stops)

    @property
    def warnings(self) -> list[str]:
        """What looks bad and may be chance."""
        return [
            f"{line.artifact}: {said(line)}: evidence {line.evidence:,.1f} of {line.needed:,.0f}"
            for line in self.lines
            if self._warns <= line.evidence < line.needed
        ]

    @property
    def names(self) -> set[Key]:
        """Artifact and name of every figure."""
        return set(self._held)

    def figure(self, artifact: str, name: str) -> Figure:
        """What was promised of a figure."""
        return self._held[artifact, name].figure

    def series(self, artifact: str, name: str) -> list[tuple[int, float]]:
        """Time in microseconds and value of the moments of the window, in 0..1."""
        return list(self._held[artifact, name].recent) if (artifact, name) in self._held else []

    def delay_days(self, artifact: str) -> float | None:
        """Median days until an accuracy that falls by FALL stops the model; None: not within a year.

        Both figures that see it are looked at: accuracy, and the confidence that is then not earned.
        """
        contract = self._contracts[artifact]
        moment_us, found = contract.label.horizon * self._step[artifact], []
        for name, fall in (("accuracy", -FALL), (OVERCONFIDENCE, FALL / 2)):
            if (artifact, name) in self._held:
                found.append(self._held[artifact, name].delay_days(fall, moment_us, self._needed))
        return min((days for days in found if days is not None), default=None)


def _step(contract: Contract) -> int:
    """Microseconds of a bar."""
    return INTERVAL_MINUTES[contract.input.interval] * 60_000_000
