"""Candles of an exchange for a session: history first, then each bar as it closes, pushed or asked for."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tapeline.download.closing import AGAIN, Closing, Served
from tapeline.download.remote import RestingError, UnreachableError
from tapeline.errors import DataError
from tapeline.evaluation.live import LiveParams
from tapeline.live.pushed import Pushed
from tapeline.live.session import Session
from tapeline.live.told import Candle
from tapeline.schema import OHLCV

if TYPE_CHECKING:
    from tapeline.download.pushing import Pushing

SOON_S = 0.2  # after a close, before which no exchange has its candle
PUSHED_S = 1.0  # after a close, in which a socket says that it has closed; then REST is asked
CLOCK_S = 3600.0  # seconds between two looks at the exchange's clock
SKEW_S = 1.0  # of the clocks that is said
REFUSED_S = 60.0, 3600.0  # before a symbol that is refused is asked for again: at first, at most; doubles
TOGETHER_S = 0.1  # in which candles that are served one after the other are answered together


class ExchangeClock:
    """Seconds since 1970 by the exchange's clock: what has closed there has closed."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock, self.skew_s = clock, 0.0

    def __call__(self) -> float:
        """The time."""
        return self._clock() + self.skew_s


class Exchange:
    """The bars of `closing` for a session; gaps, be they of a minute or of a night, are asked for anew.

    clock : the session's, which is set to the exchange's time
    pushing : its websocket, None without one: then every candle is asked for
    counts : as of `Pushed`, beside candles that REST served (asked) and refusals of one symbol (refused)
    """

    def __init__(
        self,
        session: Session,
        closing: Closing,
        params: LiveParams,
        say: Callable[[str], None],
        clock: ExchangeClock,
        sleep: Callable[[float], None] = time.sleep,
        pushing: "Pushing | None" = None,
    ) -> None:
        self._session, self._closing, self._params = session, closing, params
        self._say, self._clock = say, clock
        self._step = closing.step
        self._pushed = Pushed(pushing, self._step, closing.now, say, sleep)
        self.counts: Counter[str] = self._pushed.counts
        self._told: dict[str, dict[int, tuple[float, ...]]] = {}  # the last candles, by symbol and time
        self._known: dict[str, int] = {}  # the newest that the session had before, by symbol
        self._refused: dict[str, tuple[float, float]] = {}  # by symbol: until when, the pause, in s
        self._failing = set[str]()  # symbols whose last question failed: asked after the others
        self._said_skew = 0.0
        self._looked = clock()
        self._tell_skew()

    def history(self) -> dict[str, pd.DataFrame]:
        """As many closed candles of each symbol as the first answer takes."""
        until = self._closing.now() // self._step * self._step
        first = until - self._session.warm_up * self._step
        found = {symbol: self._try(symbol, self._closing.fetch, first, until) for symbol in self._symbols}
        return {symbol: _table(served) for symbol, served in found.items() if served is not None}

    def batches(self) -> Iterator[list[Candle]]:
        """Candles that came together, for ever: first what was missed since the last, then bar by bar."""
        self._closing.begin()
        yield from self._missed()
        audited = 0
        while True:
            bar = self._closing.now() // self._step * self._step  # the one that is open
            while (left := bar + self._step - self._closing.now()) > 0:
                yield from _by_bar(self._pushed_within(left / 1000))
            yield from self._closed(bar)
            if self._clock() - self._looked > CLOCK_S:
                self._look_at_clock()
            yield from self._missed()
            symbol = self._symbols[audited % len(self._symbols)]
            if self._pushed.serves(symbol):  # one at a time: what was pushed is what is served, and stays so
                audited += 1
                yield from _by_bar([] if self._is_refused(symbol) else self._asked(symbol, bar))

    def close(self) -> None:
        """End the connection."""
        self._pushed.close()

    @property
    def _symbols(self) -> tuple[str, ...]:
        return self._session.symbols

    def _closed(self, bar: int) -> Iterator[list[Candle]]:
        """The candles of a bar that has closed, as they come; those that are too late are left."""
        close, asked = bar + self._step, dict.fromkeys(self._symbols, 0)
        yield from _by_bar(self._pushed_within(0))
        while left := [each for each in self._symbols if self._is_awaited(each, bar)]:
            began = now = self._closing.now()
            if now > close + self._params.late_s * 1000:
                return
            due = {}
            for symbol in left:
                soon = close + 1000 * (PUSHED_S if self._pushed.serves(symbol) else SOON_S)
                due[symbol] = max(soon, asked[symbol] + 1000 * self._params.poll_s)
            found: list[Candle] = []
            for symbol in sorted(left, key=lambda each: each in self._failing):
                if due[symbol] <= began and self._is_awaited(symbol, bar):  # and was not pushed meanwhile
                    asked[symbol] = self._closing.now()
                    found += self._asked(symbol, bar) + self._pushed_within(0)
                if found and self._closing.now() - now > 1000 * TOGETHER_S:
                    yield from _by_bar(found)
                    found, now = [], self._closing.now()
            yield from _by_bar(found)
            if min(due.values()) > began:
                yield from _by_bar(self._pushed_within((min(due.values()) - began) / 1000))

    def _is_awaited(self, symbol: str, bar: int) -> bool:
        """Whether the candle of a bar may still come; one without history waits for `_missed`."""
        newest = self._newest(symbol)
        return newest is not None and newest < bar and not self._is_refused(symbol)

    def _asked(self, symbol: str, bar: int) -> list[Candle]:
        """The candle of a bar and a few before it, as REST has them; all since the last if some lack."""
        served = self._try(symbol, self._closing.newest, bar)
        if served is None:
            return []
        self._pushed.compare(served)
        candles, newest = self._candles(served), self._newest(symbol)
        if bar in served.times and newest is not None and newest < bar:
            rest = self._try(symbol, self._closing.fetch, newest + self._step, bar + self._step)
            candles += [] if rest is None else self._candles(rest, is_whole=True)
        return candles

    def _pushed_within(self, seconds: float) -> list[Candle]:
        return [each for served in self._pushed.wait(seconds) for each in self._candles(served)]

    def _missed(self) -> Iterator[list[Candle]]:
        """What has closed since the newest candle of each symbol and has not come."""
        until = self._closing.now() // self._step * self._step
        found: list[Candle] = []
        for symbol in self._symbols:
            newest = self._newest(symbol)
            # One without history, as it was silent or not asked for when all began, is warmed up by answers.
            first = until - self._session.warm_up * self._step
            first = first if newest is None else newest + self._step
            if first < until and not self._is_refused(symbol):
                served = self._try(symbol, self._closing.fetch, first, until)
                found += [] if served is None else self._candles(served, is_whole=True)
        yield from _by_bar(found)

    def _newest(self, symbol: str) -> int | None:
        """Open time in milliseconds of the newest candle that is recorded, learnt from or on its way."""
        newest, told = self._session.newest(symbol), self._told.get(symbol)
        known = [] if newest is None else [newest // 1000]
        return max([*known, *(told or ())], default=None)

    def _candles(self, served: Served, is_whole: bool = False) -> list[Candle]:
        """Those that were not handed on so; what lies behind a gap only if they are the whole of a span."""
        arrived, symbol = int(self._clock() * 1e6), served.symbol
        newest, told, found = self._newest(symbol), self._told.setdefault(symbol, {}), []
        known = self._known.setdefault(symbol, newest or 0)
        for opened, row in zip(served.times.tolist(), served.candles.tolist(), strict=True):
            is_next = newest is not None and opened <= newest + self._step
            if np.isnan(row).any() or told.get(opened) == tuple(row) or not (is_next or is_whole):
                continue
            is_known = opened <= known and opened not in told
            told[opened] = tuple(row)
            if is_known:
                continue
            newest = max(opened, newest or opened)
            fields = {"timestamp": opened * 1000} | dict(zip(OHLCV, row, strict=True))
            found.append(Candle(symbol, fields, arrived))
        for opened in sorted(told)[: -2 * AGAIN]:
            del told[opened]
        return found

    def _try(self, symbol: str, question: Callable[..., Served], *details: int) -> Served | None:
        """The answer; None, and a line, while the exchange does not answer, or not for this symbol.

        DataError if it refuses every symbol, and pushes none.
        """
        try:
            served = question(symbol, *details)
        except RestingError:
            return None
        except UnreachableError as error:
            self._failing.add(symbol)
            if not self._closing.has_begun:
                raise
            self._say(str(error))
            return None
        except DataError as error:
            self._refuse(symbol, error)
            return None
        self._failing.discard(symbol)
        self._refused.pop(symbol, None)
        self.counts["asked"] += 1
        return served

    def _refuse(self, symbol: str, error: DataError) -> None:
        """Leave a symbol alone for a while, as if it were delisted; the others go on."""
        first, longest = REFUSED_S
        pause = min(2 * self._refused[symbol][1], longest) if symbol in self._refused else first
        self._refused[symbol] = self._clock() + pause, pause
        self.counts["refused"] += 1
        if set(self._refused) >= set(self._symbols) and not any(map(self._pushed.serves, self._symbols)):
            raise error
        self._say(f"{symbol}: {error}; it is asked for again in {pause:.0f} s, the others go on")

    def _is_refused(self, symbol: str) -> bool:
        return symbol in self._refused and self._clock() < self._refused[symbol][0]

    def _look_at_clock(self) -> None:
        try:
            self._closing.look_at_clock()
        except RestingError:
            return  # it is looked at after the next bar
        except DataError as error:
            self._say(f"{error}; its clock is taken as before")
        self._looked = self._clock()
        self._tell_skew()

    def _tell_skew(self) -> None:
        skew = self._clock.skew_s = self._closing.skew_s
        if abs(skew - self._said_skew) > SKEW_S:
            self._said_skew = skew
            where = "ahead of" if skew > 0 else "behind"
            self._say(f"the exchange's clock is {abs(skew):,.1f} s {where} this machine's; its own is used")


def _by_bar(candles: list[Candle]) -> Iterator[list[Candle]]:
    """Candles of a bar together, bars rising."""
    by_bar: dict[int, list[Candle]] = {}
    for candle in candles:
        by_bar.setdefault(candle.fields["timestamp"], []).append(candle)
    for bar in sorted(by_bar):
        yield by_bar[bar]


def _table(served: Served) -> pd.DataFrame:
    is_whole = ~np.isnan(served.candles).any(axis=1)
    table = pd.DataFrame(served.candles[is_whole], columns=list(OHLCV))
    times = pd.to_datetime(served.times[is_whole], unit="ms", utc=True).astype("datetime64[us, UTC]")
    return table.assign(timestamp=times)
