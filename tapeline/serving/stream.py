"""Candles one at a time, of one or many symbols: each gets an answer, most of them a prediction."""

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from tapeline.candles import is_too_long
from tapeline.errors import ArtifactError
from tapeline.features.buffer import MICROSECONDS, capacity
from tapeline.features.compiled import program_of
from tapeline.features.declare import Candles
from tapeline.features.streaming import newest
from tapeline.promotion.bundle import Bundle, open_bundle
from tapeline.schema import INTERVAL_MINUTES
from tapeline.serving.answers import (
    GAP,
    REFUSED,
    WARMING_UP,
    Answer,
    Asked,
    answer_long_gap,
)
from tapeline.serving.buffer import Buffer
from tapeline.serving.candles import CandleError, brief, read_candle, show
from tapeline.serving.markets import market_name, require_market
from tapeline.serving.networks import Networks
from tapeline.serving.predictor import Predictor, features_of
from tapeline.serving.rows import Rows
from tapeline.serving.taken import Before, Waiting


class Stream:
    """Predictions of the bundles in `folders`, in step with candles that arrive; memory is bounded.

    The bundles agree on the candles that go in, and their features are computed by this code as they were
    in training: ArtifactError if not. `clock` gives seconds since 1970: a candle that ends later is still
    open, and refused.

    A candle ahead of the one due ends a gap or is a stray. It is answered, and held back until the next one
    confirms it by following without a gap; one that lies before it is taken as if the stray had never come.
    So no candle silences its symbol, be it of 2042 in a replay whose clock knows no future, and no line
    changes an answer but its own.

    allow_simulated : also predict other candles by a bundle of the simulated market, or of an unknown one
    allow_untrained : also those of symbols that no bundle was trained on
    open_with : makes a bundle of a folder
    """

    def __init__(
        self,
        *folders: Path,
        clock: Callable[[], float] = time.time,
        allow_simulated: bool = False,
        allow_untrained: bool = False,
        open_with: Callable[[Path], Bundle] = open_bundle,
    ) -> None:
        self._clock, self._allow_untrained = clock, allow_untrained
        self.predictors = [Predictor(folder, open_with) for folder in folders]
        inputs = [predictor.bundle.contract.input for predictor in self.predictors]
        for key in ("interval", "leader", "max_fill", "max_filled_share"):
            values = [str(getattr(each, key)) for each in inputs]
            if len(set(values)) > 1:
                listed = ", ".join(values)
                raise ArtifactError(f"the bundles take different candles: {key} is {listed}")
        artifacts = [predictor.artifact for predictor in self.predictors]
        twice = next((name for name in artifacts if artifacts.count(name) > 1), None)
        if twice:
            raise ArtifactError(f"{twice}: is the name of two bundles, and predictions are told apart by it")
        contracts = [predictor.bundle.contract for predictor in self.predictors]
        require_market(contracts, allow_simulated)
        self.market = ", ".join(dict.fromkeys(map(market_name, contracts)))
        self.symbols = [name for name in inputs[0].symbols if all(name in each.symbols for each in inputs)]
        self.leader, self._input = inputs[0].leader, inputs[0]
        self.max_fill = self._input.max_fill
        self.interval = self._input.interval
        self._step = INTERVAL_MINUTES[self.interval] * MICROSECONDS
        self.features = [features_of(predictor) for predictor in self.predictors]
        features_by_name = {feature.name: feature for features in self.features for feature in features}
        self._program = program_of(tuple(features_by_name.values()))
        self._networks = Networks(self.predictors, list(features_by_name))
        self.lookback = self._program.lookback
        self.length = max(predictor.sequence_length for predictor in self.predictors)
        self._buffers: dict[str, Buffer] = {}
        # Features of each bundle beside each other, as its network takes them.
        self._rows = Rows(self.length)
        self._is_led: dict[str, bool] = {}  # whether the leader is known in the last of them
        self._late: dict[str, int] = {}  # by follower, open of the leader's first late candle
        self._before: dict[str, Before] = {}  # by symbol, until what came after a jump is confirmed

    def feed(self, symbol: str, candle: Mapping[str, Any]) -> Answer:
        """Take a candle that has closed; return the prediction made at its close, or why there is none.

        Feed the leader's candle of a minute no later than the others' of the next one, and symbols in step.
        The stream does not wait for the leader: a minute may have no trade, and then its last close is used.
        A candle of the leader that comes later still counts from the followers' next candle on.
        """
        return self.feed_all([(symbol, candle)])[0]

    def feed_all(self, candles: Iterable[tuple[str, Mapping[str, Any]]]) -> list[Answer]:
        """Take candles, each with its symbol, in their order; answer as `feed` does to one after the other.

        Each network is asked once for all of them: a minute of a hundred symbols takes less than a hundred
        times one.
        """
        taken: list[Any] = []  # answers, what to ask, and until it is known that one or the other waits
        waiting: dict[str, int] = {}  # by symbol, whose row is made with the others': its place in `taken`
        for symbol, candle in candles:
            if symbol in waiting or symbol == self.leader:  # what the rows are made of is about to change
                self._make(taken, waiting)
            added = self._add(symbol, candle)
            if isinstance(added, Waiting):
                waiting[symbol] = len(taken)
            taken.append(added)
        self._make(taken, waiting)
        asked = [each for each in taken if isinstance(each, Asked)]
        predicted = iter(self._networks.ask([each.window for each in asked]))
        return [each.answer(next(predicted)) if isinstance(each, Asked) else each for each in taken]

    def _take(self, symbol: str, candle: Mapping[str, Any]) -> Answer | Asked:
        """Take one candle; what to ask the networks of it, or its answer."""
        taken: list[Any] = [self._add(symbol, candle)]
        self._make(taken, {symbol: 0})
        return cast("Answer | Asked", taken[0])

    def _add(self, symbol: str, candle: Mapping[str, Any]) -> Answer | Waiting:
        """Take a candle up to the rows of features that it brings, or answer it."""
        key: dict[str, Any] = {"symbol": symbol, "timestamp": candle.get("timestamp")}
        try:
            missing, n_late = self._add_candle(symbol, candle)
        except CandleError as error:
            return Answer(**key, status=REFUSED, reason=str(error))
        if is_too_long(missing, self.max_fill):
            return answer_long_gap(key, missing, self.lookback + self.length - 2)
        return Waiting(key, symbol, missing, n_late)

    def _make(self, taken: list[Any], waiting: dict[str, int]) -> None:
        """Make the rows of those that wait, all at once, and put what to ask or to answer in their place."""
        made = [taken[place] for place in waiting.values() if isinstance(taken[place], Waiting)]
        self._add_rows(
            [(each.symbol, back) for each in made for back in range(each.missing + each.n_late, -1, -1)]
        )
        for place in waiting.values():
            each = taken[place]
            if isinstance(each, Waiting):
                taken[place] = self._ask(each.key, each.symbol, each.missing)
        waiting.clear()

    def _add_candle(self, symbol: str, candle: Mapping[str, Any]) -> tuple[int, int]:
        """Add a candle; return how many before it were missing, and how many rows the leader was late for.

        CandleError says why it can't be used; then nothing has changed.
        """
        self.require_trained(symbol)
        opened, values = read_candle(candle, self._step)
        if self.is_open(opened):
            raise CandleError(self.why_open(opened))
        buffer, is_back = self._buffer_for(symbol, opened)
        self._require_past_of_leader(symbol, opened)
        before = Before(copy(buffer), self._rows.get(symbol), self._late.get(symbol))
        try:
            missing = buffer.add_values(opened, values)
        except CandleError:
            if not len(buffer):
                self._forget(symbol)
            raise
        n_late = self._drop_late_rows(symbol, opened, missing)
        if missing:
            self._before.setdefault(symbol, before)
        elif len(before.buffer) or is_back:
            self._before.pop(symbol, None)
        else:
            self._before[symbol] = before
        if is_too_long(missing, self.max_fill):
            self._rows.put(symbol, None)
        return missing, n_late

    def _ask(self, key: Mapping[str, Any], symbol: str, missing: int) -> Answer | Asked:
        """What to ask the networks at the newest candle, or the answer where there is nothing to ask.

        `key` is its symbol and timestamp, `missing` were filled before it.
        """
        buffer = self._buffers[symbol]
        rows = self._rows.get(symbol)
        left = self.length - (0 if rows is None else len(rows))
        if rows is None or left > 0:
            left += max(0, self.lookback - len(buffer) - 1)
            return Answer(**key, status=WARMING_UP, reason=f"{left} candles more are needed", missing=left)
        n_filled = int(np.count_nonzero(buffer.is_filled[-self.length :]))
        if n_filled > self._input.max_filled_share * self.length:
            return Answer(**key, status=GAP, reason=f"{n_filled} of its {self.length} candles are filled")
        return Asked(key, rows, missing, None if self._is_led[symbol] else self.leader)

    def newest_row(self, symbol: str) -> np.ndarray | None:
        """Scaled features (F,) of the newest candle, of all bundles in a row; None before there are."""
        rows = self._rows.get(symbol)
        return None if rows is None or not len(rows) else rows[-1]

    def time_parts(self, symbol: str) -> list[tuple[int, int]]:
        """Nanoseconds of `read_clocks` that features and each network take for the newest candle."""
        clock, rows = [read_clocks()], cast("np.ndarray", self._rows.get(symbol))
        self._rows_of([self._candles(symbol, 0)])
        clock.append(read_clocks())
        for k in range(len(self.predictors)):
            self._networks.values(k, [rows])
            clock.append(read_clocks())
        return [(after[0] - before[0], after[1] - before[1]) for before, after in pairwise(clock)]

    def require_trained(self, symbol: str) -> None:
        """Raise CandleError for a symbol that a bundle was not trained on, unless that is allowed."""
        if symbol not in self.symbols and not self._allow_untrained:
            reason = f"{brief(symbol)} is no symbol that was trained on, {', '.join(self.symbols)}"
            raise CandleError(f"{reason}: nothing is known of it (ALLOW_UNTRAINED=1 predicts all the same)")

    def is_open(self, opened: int) -> bool:
        """Whether the candle that opened then, in microseconds, has not closed yet."""
        return opened + self._step > self._clock() * 1e6

    def now(self) -> pd.Timestamp:
        """Time of the clock."""
        return pd.Timestamp(self._clock(), unit="s", tz="UTC")

    def newest_open(self) -> int:
        """Open time of the candle that is open now, in microseconds."""
        return int(self._clock() * 1e6) // self._step * self._step

    def why_open(self, opened: int) -> str:
        """Reason to refuse a candle that is still open."""
        ends, now = show(opened + self._step), show(int(self._clock() * 1e6))
        return f"{show(opened)} is still open: it ends at {ends}, and it is {now}; feed it then"

    def _buffer_for(self, symbol: str, opened: int) -> tuple[Buffer, bool]:
        """The buffer that a candle goes into, and whether that is the one kept from before the last candle.

        A candle ahead of the one due is held, as the first one is, until the next confirms it by following it
        without a gap. If one comes that lies before it, it was a stray and is dropped, with all after it.
        """
        buffer, before = self._buffer_of(symbol), self._before.get(symbol)
        if before is None or opened >= buffer.time[-1]:
            return buffer, False
        if len(before.buffer) and opened <= before.buffer.time[-1]:
            return buffer, False
        self._forget(symbol)
        self._buffers[symbol] = before.buffer
        # A candle of the leader may have been late for the stray alone.
        late = [time for time in (before.late, self._late.pop(symbol, None)) if time is not None]
        late = [time for time in late if not len(before.buffer) or time < before.buffer.time[-1]]
        if late:
            self._late[symbol] = min(late)
        self._rows.put(symbol, before.rows)
        return before.buffer, True

    def _forget(self, symbol: str) -> None:
        self._rows.put(symbol, None)
        self._before.pop(symbol, None)

    def _buffer_of(self, symbol: str) -> Buffer:
        if symbol not in self._buffers:
            kept = capacity(self.lookback, self.length, self.max_fill)
            self._buffers[symbol] = Buffer(kept, self._step, self.max_fill)
        return self._buffers[symbol]

    def _leader_of(self, symbol: str) -> Buffer | None:
        """The leader's candles; None for the leader's own."""
        if self.leader in (None, symbol):
            return None
        return self._buffer_of(self.leader)

    def _drop_late_rows(self, symbol: str, opened: int, missing: int) -> int:
        """Note the followers that the leader's candle is late for; drop late rows and return how many."""
        if symbol == self.leader:
            for follower, buffer in self._buffers.items():
                if follower != symbol and len(buffer) and buffer.time[-1] > opened:
                    self._late.setdefault(follower, opened)
        first = self._late.pop(symbol, None)
        if first is None:
            return 0
        rows = self._rows.get(symbol)
        if rows is None:
            return 0
        newest = opened - (missing + 1) * self._step  # that the rows end with
        n_late = min(len(rows), (newest - first) // self._step)
        if n_late:
            self._rows.put(symbol, rows[:-n_late])
        return n_late

    def _require_past_of_leader(self, symbol: str, opened: int) -> None:
        """Raise CandleError if the leader's candles needed at `opened` are no longer kept."""
        own, leader = self._buffers[symbol], self._leader_of(symbol)
        if leader is None or not len(own):
            return
        before = oldest = opened - self._step
        missing = (before - own.time[-1]) // self._step
        if not is_too_long(missing, self.max_fill):
            oldest = max(before - (self.lookback - 1 + missing) * self._step, own.start - self._step)
        if leader.has_dropped and leader.time[0] > oldest - self.max_fill * self._step:
            complaint = f"{self.leader} is too far ahead: its candle of {show(oldest)} is kept no longer"
            raise CandleError(f"the leader {complaint}; feed symbols in step")

    def _add_rows(self, wanted: Sequence[tuple[str, int]]) -> None:
        """Make the rows of symbols so many candles before their newest, and add them in this order."""
        wanted = [each for each in wanted if len(self._buffers[each[0]]) - each[1] >= self.lookback]
        candles = [self._candles(symbol, back) for symbol, back in wanted]
        for (symbol, _), of_symbol, row in zip(wanted, candles, self._rows_of(candles), strict=True):
            self._is_led[symbol] = not math.isnan(of_symbol.leader_close[-1])
            self._rows.add(symbol, row)

    def _candles(self, symbol: str, back: int) -> Candles:
        return self._buffers[symbol].candles(self._leader_of(symbol), self.lookback, back)

    def _rows_of(self, candles: Sequence[Candles]) -> np.ndarray:
        """Features (S, all columns) of the last of each of `candles`, as the networks take them."""
        if not candles:
            return np.empty((0, 0))
        return self._networks.scale(np.array([newest(each, self._program) for each in candles]))


def read_clocks() -> tuple[int, int]:
    """Nanoseconds of the clock, and of the processor's time of this process."""
    return time.perf_counter_ns(), time.process_time_ns()
