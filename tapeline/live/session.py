"""From candles to answers, records, an account on paper and its watch; whence they come is another's."""

import json
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.errors import ArtifactError, TapelineError
from tapeline.evaluation.live import LiveParams
from tapeline.live.followed import Followed
from tapeline.live.past import follow, read_history, write_history
from tapeline.live.production import Production, hash_of, ids_in, open_production
from tapeline.live.records import Writer
from tapeline.live.state import drift_of
from tapeline.live.told import Candle, as_told, once
from tapeline.schema import INTERVAL_MINUTES, OHLCV
from tapeline.serving.answers import PREDICTED, REFUSED, Answer
from tapeline.serving.candles import CandleError, read_time
from tapeline.trading.paper import reach_of


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
        self._kept: dict[str, deque[dict[str, Any]]] = {}  # the last real candles, to warm up anew
        self._last: dict[str, int] = {}  # by symbol, the newest recorded candle
        self._is_stop_said, self._only, self._not_taken = False, tuple[str, ...](), ""
        self.passed_over: Counter[str] = Counter()  # candles that were not answered, by why
        self._seen = ids_in(models)
        self._served = set[str]()  # ids of what was served before, in this session or recorded
        self._begin(open_production(models, clock, allow_simulated))

    def _begin(self, production: Production) -> None:
        """Serve by `production`, with an account and a watch of its own."""
        self.production = production
        self._served.add(json.dumps(production.ids))
        stream = production.stream
        self.step = INTERVAL_MINUTES[stream.interval] * 60_000_000
        # What a prediction can depend on, as `release.replay_feed` reckons.
        self.warm_up = stream.lookback + stream.length + 2 * stream.max_fill + 1
        if production.trading:  # and what its account reckons by
            self.warm_up = max(self.warm_up, reach_of(production.trading) + stream.max_fill)
        self._kept = {symbol: deque(kept, maxlen=self.warm_up) for symbol, kept in self._kept.items()}
        self.followed = Followed(production, self._params)
        self.drift = drift_of(production, self._params)
        for line in production.untold:
            self._say(line)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols that are answered."""
        return self._only or tuple(self.production.stream.symbols)

    def keep_to(self, symbols: tuple[str, ...]) -> None:
        """Answer these alone."""
        self._only = symbols

    def newest(self, symbol: str) -> int | None:
        """Open time, in microseconds, of the newest candle of a symbol that is recorded or learnt from."""
        kept = self._kept.get(symbol)
        return max(self._last.get(symbol, 0), kept[-1]["timestamp"] if kept else 0) or None

    def learn(self, history: Mapping[str, pd.DataFrame]) -> None:
        """Feed candles from before the first answer, in step: nothing is answered or recorded."""
        rows = [
            (int(time), symbol, dict(zip(OHLCV, values, strict=True)))
            for symbol, table in history.items()
            for time, values in zip(
                table["timestamp"].astype("datetime64[us, UTC]").astype("int64"),
                table[list(OHLCV)].to_numpy().tolist(),
                strict=True,
            )
        ]
        order = {symbol: k for k, symbol in enumerate(history)}
        for time, symbol, values in sorted(rows, key=lambda row: (row[0], order[row[1]])):
            self._keep(symbol, {"timestamp": time} | values)
        self._warm_up()
        write_history(self._writer.folder, self._kept)
        self.followed.learn(self._kept)

    def resume(self) -> int:
        """Take up what is recorded; return how many answers that is. Call it before anything is fed."""
        n = 0
        for symbol, candles in read_history(self._writer.folder).items():
            for candle in candles:
                self._keep(symbol, candle)
        for record in follow(self._writer, self.production, self.followed):
            symbol, n = record["symbol"], n + 1
            self._served.add(record["bundles"])
            self._last[symbol] = max(self._last.get(symbol, 0), record["timestamp"])
            if record["status"] != REFUSED:
                self._keep(symbol, {name: record[name] for name in ("timestamp", *OHLCV)})
        if n:
            self._warm_up()
            self.drift.load(self._writer.folder, self.production.ids)
        return n

    def take(self, candles: Iterable[Candle]) -> list[dict[str, Any]]:
        """Answer candles that came together; what is recorded already is passed over. Returns the records."""
        candles = [each for each in once(candles) if self._is_new(each)]
        if not candles:
            return []
        self._renew()
        stream, begun = self.production.stream, int(self._clock() * 1e6)
        answers = stream.feed_all((each.symbol, each.fields) for each in candles)
        answered = int(self._clock() * 1e6)
        is_stopped = self.followed.watch.is_stopped
        records = [
            self._record(candle, answer, begun, max(answered, candle.arrived), is_stopped)
            for candle, answer in zip(candles, answers, strict=True)
        ]
        self._writer.add(record for record in records if record is not None)
        for candle, answer, record in zip(candles, answers, records, strict=True):
            if record is None:
                self._tell({"symbol": candle.symbol, "status": answer.status, "reason": answer.reason})
                continue
            self._tell(as_told(record))
            self._last[candle.symbol] = max(self._last.get(candle.symbol, 0), record["timestamp"])
            if record["status"] == REFUSED:
                continue
            self._keep(candle.symbol, {name: record[name] for name in ("timestamp", *OHLCV)})
            row = stream.newest_row(candle.symbol)
            if row is not None and answer.status == PREDICTED:
                self.drift.add(str(pd.Timestamp(record["timestamp"], unit="us").date()), row)
            self.followed.add(record)
        self._say_stops()
        return [record for record in records if record is not None]

    def save(self) -> None:
        """Have the disk hold all of it, with what is counted of features."""
        self._writer.sync()
        self.followed.settle()
        self.drift.save(self._writer.folder, self.production.ids)

    def _is_new(self, candle: Candle) -> bool:
        """Whether a candle is to be answered; one that is not after the last of its symbol is counted."""
        try:
            time = read_time(candle.fields.get("timestamp"))
        except CandleError:
            return True  # it is answered with what is wrong with it
        if time > (self.newest(candle.symbol) or 0):
            return True
        known = next((row for row in self._kept.get(candle.symbol, ()) if row["timestamp"] == time), None)
        if known is None:
            self.passed_over["late"] += 1  # after a later one was answered
        else:
            is_same = all(candle.fields.get(name) == known[name] for name in OHLCV)
            self.passed_over["again" if is_same else "corrected"] += 1
        return False

    def _record(
        self, candle: Candle, answer: Answer, begun: int, answered: int, is_stopped: bool
    ) -> dict[str, Any] | None:
        """The record of an answer; None for a candle of no time, and for one that is still open."""
        try:
            time = read_time(candle.fields.get("timestamp"))
            values = {name: float(candle.fields[name]) for name in OHLCV}
        except (CandleError, KeyError, TypeError, ValueError):
            return None
        if answer.status == REFUSED and time + self.step > begun:
            return None
        production, predictions = self.production, answer.predictions
        direction = predictions.get(production.direction)
        trend = predictions.get(production.trend)
        stream = production.stream
        is_predicted = answer.status == PREDICTED
        row = stream.newest_row(candle.symbol) if is_predicted else None
        return {
            "symbol": candle.symbol,
            "timestamp": time,
            "arrived": candle.arrived,
            "answered": answered,
            **values,
            "status": answer.status,
            "reason": answer.reason,
            "is_late": answered - time - self.step > self._params.late_s * 1e6,
            "is_stopped": is_stopped and is_predicted,
            "probability": direction.value if direction else None,
            "tier": direction.tier if direction else None,
            "trend_strength": trend.value if trend else None,
            "predictions": json.dumps({name: each.value for name, each in predictions.items()}),
            "row": hash_of(row),
            "bundles": json.dumps(production.ids),
        }

    def _keep(self, symbol: str, candle: dict[str, Any]) -> None:
        if symbol not in self._kept:
            self._kept[symbol] = deque(maxlen=self.warm_up)
        kept = self._kept[symbol]
        if not kept or candle["timestamp"] > kept[-1]["timestamp"]:
            kept.append(candle)

    def _warm_up(self) -> None:
        """Feed the kept candles to a stream that has seen none, in step."""
        rows = [
            (row["timestamp"], k, symbol, row)
            for k, (symbol, kept) in enumerate(self._kept.items())
            for row in kept
        ]
        rows.sort(key=lambda row: row[:2])
        self.production.stream.feed_all((symbol, row) for _, _, symbol, row in rows)

    def _renew(self) -> None:
        """Take over what was promoted since; what can't be opened is tried again at the next candle."""
        seen = ids_in(self._models)
        if seen == self._seen:
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
        self._seen, self._not_taken = seen, ""
        if production.ids == self.production.ids:
            return
        self._say(f"taken over: {', '.join(f'{name} {each}' for name, each in production.ids.items())}")
        is_back = json.dumps(production.ids) in self._served
        self._begin(production)
        self._is_stop_said = False
        self._warm_up()
        if is_back:  # what it did before counts, as it does for who reads the records: its stop stays
            for _ in follow(self._writer, production, self.followed):
                pass
        else:
            self.followed.learn(self._kept)

    def _say_stops(self) -> None:
        stops = self.followed.watch.stops if self.followed.watch.is_stopped else []
        if stops and not self._is_stop_said:
            self._is_stop_said = True
            for line in stops:
                self._say(f"stop: {line}")
