"""From candles to answers, records, an account on paper and its watch; whence they come is another's."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.errors import ArtifactError, TapelineError
from tapeline.evaluation.live import LiveParams
from tapeline.live.checkpoint import Known, read_checkpoint, write_checkpoint
from tapeline.live.followed import Followed
from tapeline.live.kept import Kept
from tapeline.live.past import follow, in_step, read_history, write_history
from tapeline.live.pauses import no_collection
from tapeline.live.production import Production, mark_of, open_production
from tapeline.live.records import Writer
from tapeline.live.state import drift_of
from tapeline.live.stops import read_stops, write_stop
from tapeline.live.told import Candle, as_columns, as_told, once
from tapeline.schema import INTERVAL_MINUTES, OHLCV
from tapeline.serving.answers import PREDICTED, REFUSED, Answer
from tapeline.serving.candles import CandleError, read_time
from tapeline.trading.paper import reach_of

CHECKPOINT_RECORDS = 20_000  # that a start reads at most, but for what came within a minute: about a second


class Session:
    """Promoted models at work, and all that is kept of it under the writer's folder.

    clock : seconds since 1970; say : gets a line for people; tell : gets every answer, a JSON object
    """

    def __init__(
        self,
        writer: Writer,
        models: Path,
        params: LiveParams,
        clock: Callable[[], float],
        say: Callable[[str], None],
        tell: Callable[[dict[str, Any]], None],
        allow_simulated: bool = False,
    ) -> None:
        self._writer, self._models, self._params = writer, models, params
        self._clock, self._say, self._tell, self.allows_simulated = clock, say, tell, allow_simulated
        self._is_stop_said, self._only, self._not_taken = False, tuple[str, ...](), ""
        self.passed_over: Counter[str] = Counter()  # candles that were not answered, by why
        self._mark = mark_of(models)
        self._unsaved, self._is_whole = 0, True  # records since the last checkpoint; whether all are followed
        self._begin(open_production(models, clock, allow_simulated), Kept(0), {}, 0)
        for line in self.production.untold:
            self._say(line)

    def _begin(self, production: Production, kept: Kept, served: dict[str, None], n: int) -> None:
        """Serve by `production`, with an account and a watch of its own, after `n` answers."""
        self.production = production
        stream = production.stream
        self.step = INTERVAL_MINUTES[stream.interval] * 60_000_000
        # What a prediction can depend on, as `release.replay_feed` reckons.
        self.warm_up = stream.lookback + stream.length + 2 * stream.max_fill + 1
        if production.trading:  # and what its account reckons by
            self.warm_up = max(self.warm_up, reach_of(production.trading) + stream.max_fill)
        kept.resize(self.warm_up)
        self._known = Known(self._new_followed(), kept, n, served)
        self.drift = drift_of(production, self._params)

    def _new_followed(self) -> Followed:
        followed = Followed(self.production, self._params)
        followed.watch.hold(read_stops(self._writer.folder, self.production.ids))
        return followed

    @property
    def followed(self) -> Followed:
        """The account and the watch of what is in production."""
        return self._known.followed

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that are answered."""
        return self._only or tuple(self.production.stream.symbols)

    def keep_to(self, symbols: tuple[str, ...]) -> None:
        """Answer these alone."""
        self._only = symbols

    def newest(self, symbol: str) -> int | None:
        """Open time, in microseconds, of the newest candle of a symbol that is recorded or learnt from."""
        return self._known.kept.newest(symbol)

    def learn(self, history: Mapping[str, pd.DataFrame]) -> None:
        """Feed candles from before the first answer, in step: nothing is answered or recorded."""
        for symbol, candle in in_step(history):
            self._known.kept.add(symbol, candle)
        self._warm_up()
        write_history(self._writer.folder, self._known.kept.by_symbol)
        self.followed.learn(self._known.kept.by_symbol)

    def resume(self) -> int:
        """Take up what is recorded; return how many answers that is. Call it before anything is fed."""
        rest = read_checkpoint(self._writer, self.production, self._params, self._known, self._say)
        if rest is None:
            self._known = Known(self._new_followed(), Kept(self.warm_up))
            history = read_history(self._writer.folder)
            for symbol, candles in history.items():
                for candle in candles:
                    self._known.kept.add(symbol, candle)
            self.followed.learn(history)
            rest = self._writer.read()
        for record in follow(rest, self.production, self.followed):
            self._note(record)
            self._unsaved += 1
        if self._known.n:
            self.drift.load(self._writer.folder, self.production.ids)
            # A kill may have come before the last of them were counted on disk.
            predicted = self._known.predicted
            self._warm_up({(symbol, time) for symbol, times in predicted.items() for time in times})
        return self._known.n

    def take(self, candles: Iterable[Candle]) -> list[dict[str, Any]]:
        """Answer candles that came together; what is recorded already is passed over. Returns the records."""
        candles = [each for each in once(candles) if self._is_new(each)]
        if not candles:
            return []
        self._renew()
        self._is_whole = False
        with no_collection():
            answers, records = self._answer(candles)
        self._follow(answers, records)
        self._is_whole = True
        if self._writer.keep():  # a checkpoint of what was packed is of no use
            self.checkpoint()
        return [record for record in records if record is not None]

    def _answer(self, candles: Sequence[Candle]) -> tuple[list[Answer], list[dict[str, Any] | None]]:
        """Answer candles, record it and tell it: all that who waits for the answer waits for."""
        stream, begun = self.production.stream, int(self._clock() * 1e6)
        answers = stream.feed_all((each.symbol, each.fields) for each in candles)
        answered = int(self._clock() * 1e6)
        records = [
            self._record(candle, answer, begun, max(answered, candle.arrived))
            for candle, answer in zip(candles, answers, strict=True)
        ]
        self._writer.add(record for record in records if record is not None)
        for answer, record in zip(answers, records, strict=True):
            if record is None:
                self._tell({"symbol": answer.symbol, "status": answer.status, "reason": answer.reason})
            else:
                self._tell(as_told(record, answer, self.production.ids))
        return answers, records

    def _follow(self, answers: Sequence[Answer], records: Sequence[dict[str, Any] | None]) -> None:
        """What comes of answers once they are told: the account, the watch, drift."""
        stream, rows = self.production.stream, []
        for answer, record in zip(answers, records, strict=True):
            if record is None:
                continue
            self._note(record)
            self._unsaved += 1
            if record["status"] == REFUSED:
                continue
            row = stream.newest_row(answer.symbol)
            if row is not None and answer.status == PREDICTED:
                rows.append((answer.symbol, record["timestamp"], row))
            self.followed.add(record)
        self.drift.add(rows)
        if self.drift.is_due:
            self.drift.save(self._writer.folder, self.production.ids)
        self._say_stops()

    def save(self) -> None:
        """Have the disk hold all of it, with what is counted of features."""
        self._writer.sync()
        self.followed.settle()
        self.drift.save(self._writer.folder, self.production.ids)
        if self._unsaved >= CHECKPOINT_RECORDS:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Write what is known of all records, by which the next start begins; a bar need not be whole.

        Where an error came between a record and what follows from it, the one before stays.
        """
        if not self._is_whole or not self._known.n:
            return
        self._writer.sync()
        self.followed.settle()
        try:
            write_checkpoint(self._writer.folder, self.production, self._params, self._known)
        except OSError as error:
            self._say(f"no checkpoint written, the next start reads all records: {error.strerror}")
        self._unsaved = 0

    def _is_new(self, candle: Candle) -> bool:
        """Whether a candle is to be answered; one that is not after the last of its symbol is counted."""
        try:
            time = read_time(candle.fields.get("timestamp"))
        except CandleError:
            return True  # it is answered with what is wrong with it
        if time > (self.newest(candle.symbol) or 0):
            return True
        known = self._known.kept.at(candle.symbol, time)
        if known is None:
            self.passed_over["late"] += 1  # after a later one was answered
        else:
            is_same = all(candle.fields.get(name) == known[name] for name in OHLCV)
            self.passed_over["again" if is_same else "corrected"] += 1
        return False

    def _record(self, candle: Candle, answer: Answer, begun: int, answered: int) -> dict[str, Any] | None:
        """The record of an answer; None for a candle of no time, and for one that is still open."""
        try:
            time = read_time(candle.fields.get("timestamp"))
            values = {name: float(candle.fields[name]) for name in OHLCV}
        except (CandleError, KeyError, TypeError, ValueError):
            return None
        if answer.status == REFUSED and time + self.step > begun:
            return None
        is_predicted = answer.status == PREDICTED
        row = self.production.stream.newest_row(candle.symbol) if is_predicted else None
        return {
            "symbol": candle.symbol,
            "timestamp": time,
            "arrived": candle.arrived,
            "answered": answered,
            **values,
            "is_late": answered - time - self.step > self._params.late_s * 1e6,
            "is_stopped": is_predicted and self.followed.is_stopped(time),
            **as_columns(answer, self.production, row),
        }

    def _note(self, record: Mapping[str, Any]) -> None:
        """Count a record, and keep its candle if that can be used."""
        self._known.n += 1
        self._known.note(record, self.production)
        if record["status"] == REFUSED:
            self._known.kept.note(record["symbol"], record["timestamp"])
        else:
            self._known.kept.add(record["symbol"], {name: record[name] for name in ("timestamp", *OHLCV)})

    def _warm_up(self, uncounted: Collection[tuple[str, int]] = ()) -> None:
        """Feed the kept candles, in step, to a stream that has seen none; count rows of the `uncounted`."""
        stream = self.production.stream
        for bar in self._known.kept.bars():
            stream.feed_all(bar)
            rows = (
                (symbol, row["timestamp"], stream.newest_row(symbol))
                for symbol, row in bar
                if (symbol, row["timestamp"]) in uncounted
            )
            self.drift.add((symbol, time, row) for symbol, time, row in rows if row is not None)

    def _renew(self) -> None:
        """Take over what was promoted since; what can't be opened is tried again at the next candle."""
        mark = mark_of(self._models)
        if mark == self._mark:
            return
        try:
            production = open_production(self._models, self._clock, self.allows_simulated)
            interval = self.production.stream.interval
            if production.stream.interval != interval:
                what = f"takes candles of {production.stream.interval}, these are of {interval}"
                raise ArtifactError(f"{self._models}: {what}; end `make live` and begin it anew")
        except (TapelineError, OSError) as error:
            if str(error) != self._not_taken:
                self._say(f"not taken over: {error}")
            self._not_taken = str(error)
            return
        self._mark, self._not_taken = mark, ""
        if production.ids == self.production.ids:
            return
        self._say(f"taken over: {', '.join(f'{name} {each}' for name, each in production.ids.items())}")
        known = self._known
        is_back = production.label in known.served
        self._begin(production, known.kept, known.served, known.n)
        for line in production.untold:
            self._say(line)
        self._is_stop_said = False
        self._warm_up()
        if is_back:  # what it did before counts, as it does for who reads the records: its stop stays
            self.followed.learn(read_history(self._writer.folder))
            for record in follow(self._writer.read(), production, self.followed):
                self._known.note(record, production)
        else:
            self.followed.learn(self._known.kept.by_symbol)

    def _say_stops(self) -> None:
        watch = self.followed.watch
        if watch.is_stopped and not self._is_stop_said:
            self._is_stop_said, stops = True, watch.stops
            if not read_stops(self._writer.folder, self.production.ids):
                write_stop(self._writer.folder, self.production.ids, stops)
            for line in stops:
                self._say(f"stop: {line}")
