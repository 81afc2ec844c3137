"""Candles of an exchange for a session: history first, then each bar as it closes."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from tapeline.download.closing import Closing, Served
from tapeline.download.remote import UnreachableError
from tapeline.evaluation.live import LiveParams
from tapeline.live.session import Session
from tapeline.live.told import Candle
from tapeline.schema import OHLCV

SOON_S = 0.2  # after a close, before which no exchange has its candle
CLOCK_S = 3600.0  # seconds between two looks at the exchange's clock
SKEW_S = 1.0  # of the clocks that is said


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
    """

    def __init__(
        self,
        session: Session,
        closing: Closing,
        params: LiveParams,
        say: Callable[[str], None],
        clock: ExchangeClock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._session, self._closing, self._params = session, closing, params
        self._say, self._sleep, self._clock = say, sleep, clock
        self._step = closing.step
        self._said_skew = 0.0
        self._looked = clock()
        self._tell_skew()

    def history(self) -> dict[str, pd.DataFrame]:
        """As many closed candles of each symbol as the first answer takes."""
        until = self._closing.now() // self._step * self._step
        first = until - self._session.warm_up * self._step
        return {symbol: _table(self._closing.fetch(symbol, first, until)) for symbol in self._session.symbols}

    def batches(self) -> Iterator[list[Candle]]:
        """Candles that came together, for ever: first what was missed since the last, then bar by bar."""
        yield from self._missed()
        while True:
            bar = self._closing.now() // self._step * self._step  # the one that is open
            self._wait_until(bar + self._step + SOON_S * 1000)
            yield from self._closed(bar)
            if self._clock() - self._looked > CLOCK_S:
                self._looked = self._clock()
                self._try(self._closing.look_at_clock)
                self._tell_skew()
            yield from self._missed()

    def _closed(self, bar: int) -> Iterator[list[Candle]]:
        """The candles of a bar that has closed, as they are served; those that are too late are left."""
        left = list(self._session.symbols)
        while left:
            found: list[Candle] = []
            for symbol in list(left):
                served = self._try(self._closing.newest, symbol, bar)
                newest = self._session.newest(symbol) or 0
                is_next = served is not None and bool(
                    len(served.times) and served.times[-1] == bar and newest // 1000 >= bar - self._step
                )
                # One behind a gap waits for what lies in it, which `_missed` asks for.
                if served is not None and (is_next or bar not in served.times):
                    found += self._candles(served)
                if served is not None and bar in served.times:
                    left.remove(symbol)
            yield from _by_bar(found)
            if left and self._closing.now() > bar + self._step + self._params.late_s * 1000:
                return
            if left:
                self._sleep(self._params.poll_s)

    def _missed(self) -> Iterator[list[Candle]]:
        """What has closed since the newest candle of each symbol and has not come."""
        until = self._closing.now() // self._step * self._step
        found: list[Candle] = []
        for symbol in self._session.symbols:
            newest = self._session.newest(symbol)
            # One without history, as it was silent or not asked for when all began, is warmed up by answers.
            first = until - self._session.warm_up * self._step
            first = first if newest is None else newest // 1000 + self._step
            if first < until:
                served = self._try(self._closing.fetch, symbol, first, until)
                found += [] if served is None else self._candles(served)
        yield from _by_bar(found)

    def _candles(self, served: Served) -> list[Candle]:
        arrived = int(self._clock() * 1e6)
        is_whole = ~np.isnan(served.candles).any(axis=1)
        return [
            Candle(
                served.symbol,
                {"timestamp": int(time) * 1000} | dict(zip(OHLCV, values.tolist(), strict=True)),
                arrived,
            )
            for time, values in zip(served.times[is_whole], served.candles[is_whole], strict=True)
        ]

    def _try(self, question: Callable[..., Served | None], *details: object) -> Served | None:
        """The answer; None, and a line, while the exchange does not answer."""
        try:
            return question(*details)
        except UnreachableError as error:
            self._say(f"{error}; asked again")
            return None

    def _wait_until(self, moment_ms: float) -> None:
        left = (moment_ms - self._closing.now()) / 1000
        if left > 0:
            self._sleep(left)

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
