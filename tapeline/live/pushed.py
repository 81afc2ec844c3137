"""Candles that an exchange pushes, as far as they have closed: none that is open, and none that may be stale.

A candle has closed when the exchange says so or, of one that never does, when the very next candle has come
on the same connection; and never before its close by the exchange's clock. A candle during which there was no
connection is asked for by REST. A symbol's socket is not believed until it once said the same as REST:
exchanges have pushed other intervals, other volumes and unfinished candles.
"""

import math
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tapeline.download.closing import AGAIN, Served

if TYPE_CHECKING:  # ccxt's clients of websockets take half a second to load
    from tapeline.download.pushing import Heard, Pushing

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 600.0  # before a connection is opened again; doubles
EARLY_S = 2.0  # that what is pushed may be ahead of the clock, which was measured an hour ago
SILENT_S = 5.0  # beyond a bar, after which a socket that says nothing is taken for dead
DIFFERENCE = 1e-9  # relative, between a candle as it was pushed and as it was served: how numbers are written
TOLD_AT = 2  # differences in a row that are told; one may be a candle that REST was asked for too soon


class Pushed:
    """What `pushing` says, for symbols whose bars are `step` milliseconds; None: there is no socket.

    now : milliseconds since 1970 by the exchange's clock
    counts : of candles taken from the socket (pushed), of what was none (malformed), of those that differed
        from REST's (different), of connections (lost)
    """

    def __init__(
        self,
        pushing: "Pushing | None",
        step: int,
        now: Callable[[], int],
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pushing, self._step, self._now, self._say, self._sleep = pushing, step, now, say, sleep
        self.counts: Counter[str] = Counter()
        self._is_open, self._is_told, self._last = False, False, 0
        self._pause_s, self._again = FIRST_PAUSE_S, 0.0
        self._candles: dict[str, dict[int, tuple[float, ...]]] = {}  # on this connection, by symbol and time
        self._closed: dict[str, set[int]] = {}
        self._handed: dict[str, dict[int, tuple[float, ...]]] = {}
        self._due, self._believed = set[str](), set[str]()  # with what is not handed on yet; like REST
        self._differed: Counter[str] = Counter()

    def serves(self, symbol: str) -> bool:
        """Whether the next candle of a symbol is to be expected from the socket."""
        return self._is_open and symbol in self._believed

    def wait(self, seconds: float) -> list[Served]:
        """What has closed, by symbol, corrected candles too; waits at most so long if nothing is pushed."""
        if self._pushing is None:
            if seconds > 0:
                self._sleep(seconds)
            return []
        now = self._now()
        if not self._is_open and now >= self._again:
            self._pushing.open()
            self._is_open, self._last = True, now
        until = (self._last + self._silence_ms if self._is_open else self._again) - now
        heard, lost = self._pushing.take(max(0.0, min(seconds, until / 1000)))
        for each in heard:
            self._take(each)
        served = [each for each in map(self._hand, sorted(self._due)) if len(each.times)]
        if lost is not None:
            self._lose(lost.why, lost.is_lasting)
        elif self._is_open and self._now() - self._last >= self._silence_ms:
            self._pushing.drop()
            self._lose(f"was silent for {self._silence_ms / 1000:.0f} s", is_lasting=False)
        return served

    def compare(self, served: Served) -> None:
        """Hold candles that REST serves against those pushed, which are believed while they agree."""
        symbol, candles = served.symbol, self._candles.get(served.symbol, {})
        both = [each for each in self._closed.get(symbol, ()) if each in served.times]
        for opened in sorted(both):
            values = served.candles[served.times == opened][0]
            if np.allclose(candles[opened], values, rtol=DIFFERENCE, atol=0):
                self._believed.add(symbol)
                self._differed[symbol] = 0
                continue
            self.counts["different"] += 1
            self._differed[symbol] += 1
            if self._differed[symbol] == TOLD_AT:
                self._believed.discard(symbol)
                self._say(
                    f"{symbol}: its socket says {candles[opened]} where REST says {tuple(values.tolist())}"
                    " of one candle; REST is asked until they agree"
                )

    def close(self) -> None:
        """End the connection."""
        if self._pushing is not None:
            self._pushing.close()
        self._pushing, self._is_open = None, False

    @property
    def _silence_ms(self) -> float:
        return self._step + SILENT_S * 1000

    def _take(self, heard: "Heard") -> None:
        now = self._now()
        self._last, self._pause_s = now, FIRST_PAUSE_S
        if self._is_told:
            self._is_told = False
            self._say("the socket is open again")
        bar = now // self._step * self._step  # the one that is open
        candles = self._candles.setdefault(heard.symbol, {})
        closed = self._closed.setdefault(heard.symbol, set())
        self._due.add(heard.symbol)
        oldest, newest = bar - (AGAIN + 1) * self._step, now + EARLY_S * 1000
        for opened in sorted(heard.candles):
            if not oldest <= opened <= newest or opened % self._step:
                self.counts["malformed"] += 1
            elif not is_sound(heard.candles[opened]):
                self.counts["malformed"] += 1
                candles.pop(opened, None)
                closed.discard(opened)
            else:
                if heard.closed is None and opened not in candles and opened - self._step in candles:
                    closed.add(opened - self._step)
                candles[opened] = heard.candles[opened]
        ended = {each for each in heard.closed or () if each + self._step <= newest}
        closed |= ended & candles.keys()
        for opened in [each for each in candles if each < oldest]:
            del candles[opened]
            closed.discard(opened)

    def _hand(self, symbol: str) -> Served:
        """What of a symbol has closed and was not handed on so."""
        candles, handed, now = self._candles[symbol], self._handed.setdefault(symbol, {}), self._now()
        closed = sorted(self._closed[symbol]) if symbol in self._believed else []
        ready = [each for each in closed if each + self._step <= now and handed.get(each) != candles[each]]
        self._handed[symbol] = {each: handed[each] for each in handed if each in candles}
        self._handed[symbol] |= {each: candles[each] for each in ready}
        if not closed or closed[-1] + self._step <= now:
            self._due.discard(symbol)
        self.counts["pushed"] += len(ready)
        values = np.array([candles[each] for each in ready], dtype=np.float64).reshape(-1, 5)
        return Served(symbol, np.array(ready, dtype=np.int64), values)

    def _lose(self, why: str, is_lasting: bool) -> None:
        self._is_open = False
        self.counts["lost"] += 1
        # What was open may have gone on while nobody listened.
        self._candles, self._closed, self._due = {}, {}, set()
        self._again = self._now() + self._pause_s * 1000
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if not self._is_told:
            until = "from now on" if is_lasting else "until it is open again"
            self._say(f"the socket: {why}; candles are asked for by REST {until}")
        self._is_told = True
        if is_lasting:
            self.close()


def is_sound(values: tuple[float, ...]) -> bool:
    """Whether open, high, low, close, volume can be those of a candle."""
    opened, high, low, close, volume = values
    is_ordered = 0 < low <= min(opened, close) and max(opened, close) <= high
    return is_ordered and volume >= 0 and math.isfinite(high + volume)
