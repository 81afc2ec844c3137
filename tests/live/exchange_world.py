"""A local exchange in a time that passes only where somebody waits, for sessions of the real client."""

import asyncio
import time
from contextlib import contextmanager

import numpy as np
import pandas as pd

from tapeline.download.closing import Closing
from tapeline.download.pushing import Pushing
from tapeline.evaluation.live import LiveParams
from tapeline.live.exchange import Exchange, ExchangeClock
from tapeline.live.records import Records, open_to_write
from tapeline.live.session import Session
from tests.download.exchange_server import START, STEP, ExchangeServer, connect, make_candles
from tests.download.exchange_socket import PATIENCE_S, connect_socket, kline
from tests.live.promoted import LIVE, WARM_UP

PARAMS = LiveParams(**LIVE)
SYMBOLS = "AAA-USDT", "BBB-USDT"
N = WARM_UP + 400
CANDLES = {f"api {name.replace('-', '')}": make_candles(N, seed=k) for k, name in enumerate(SYMBOLS)}
FIRST = WARM_UP + 10  # candles that have closed when it begins


class World:
    """The time of this machine and, `skew_s` ahead, of the exchange; `on_time` is called as it passes."""

    def __init__(self, server, skew_s=0.0):
        self.server, self.now, self.skew_s = server, (START + FIRST * STEP) / 1000 + 7.3 - skew_s, skew_s
        self.on_time = lambda: None
        self.sleep(0)

    def clock(self):
        """Seconds since 1970 by this machine."""
        return self.now

    def sleep(self, seconds):
        """Let time pass."""
        self.now += seconds
        self.server.now = int((self.now + self.skew_s) * 1000)
        self.on_time()


class PushingWorld(World):
    """One whose exchange pushes each candle as it grows, says that it closed, and begins the next.

    script : a bar and its messages, pairs of seconds after its open and what is sent or called, to others
    closing : whether it says that a candle has closed; together : whether all symbols are followed at once
    """

    def __init__(self, server, skew_s=0.0, script=lambda bar, events: events, closing=True, together=True):
        self.pushing, self._script, self._closing, self.together = None, script, closing, together
        super().__init__(server, skew_s)
        self._sent_bar, self._events = FIRST, []

    def values(self, market, bar):
        """The candle of a bar from START, as the exchange will serve it."""
        times, values = self.server.markets[f"api {market}"]
        return values[np.searchsorted(times, START + bar * STEP)].tolist()

    def events_of(self, bar):
        """What is pushed of a bar: twice while it is open, at its close, and the next one's first trade."""
        events = []
        for market in (name.split(" ")[1] for name in self.server.markets):
            opened, whole = START + bar * STEP, self.values(market, bar)
            grown = [whole[0], *(x * 0.9 for x in whole[1:4]), whole[4] / 2]
            grown[1], grown[2] = max(grown[0], grown[3]), min(grown[0], grown[3])
            partial = kline(market, opened, grown, closed=False if self._closing else None)
            last = kline(market, opened, whole, closed=True if self._closing else None)
            events += [(0.5, partial), (20.0, partial), (60.05, last)]
        return sorted(self._script(bar, events), key=lambda event: event[0])

    def wait(self, event, seconds):
        """Let time pass to the next message that sets `event`, or by so many seconds."""
        end = self.now + seconds
        self.settle()
        while not event.is_set() and (due := self._next()) is not None and due <= end:
            self.sleep(max(0.0, due - self.now))
            self._send(due)
            self.settle()
        if not event.is_set():
            self.sleep(max(0.0, end - self.now))
        return event.is_set()

    def settle(self):
        """Wait, in real time, until the client has heard all that was pushed, or has a connection."""
        until = time.monotonic() + PATIENCE_S
        while (task := self.pushing._task) is not None and not task.done() and time.monotonic() < until:
            if (live := self.live()) and live.subscribed.is_set():
                live.settle()
                if not live.ended.is_set():
                    break
            time.sleep(0.001)
        if self.pushing._loop is not None:
            asyncio.run_coroutine_threadsafe(_spin(), self.pushing._loop).result(PATIENCE_S)

    def live(self):
        """The connection that there is, None without one."""
        return next((each for each in reversed(self.server.sockets) if not each.ended.is_set()), None)

    def _next(self):
        while not self._events:
            if self._sent_bar >= N - 2:
                return None
            opened = (START + self._sent_bar * STEP) / 1000 - self.skew_s
            events = self.events_of(self._sent_bar)
            self._events = [(opened + after, what) for after, what in events if opened + after >= self.now]
            self._sent_bar += 1
        return self._events[0][0]

    def _send(self, due):
        while self._events and self._events[0][0] <= due:
            _, what = self._events.pop(0)
            if callable(what):
                what()
            elif (live := self.live()) is not None:
                live.send(what)


async def _spin():
    for _ in range(20):
        await asyncio.sleep(0)


@contextmanager
def running(folder, models, candles=CANDLES, skew_s=0.0, symbols=SYMBOLS, **pushed):
    """A session on the exchange, its source, the world, and what was said.

    pushed : of `PushingWorld`; with none of it the exchange has no websocket
    """
    said = []
    with ExchangeServer(candles) as server, open_to_write(folder) as writer:
        world = PushingWorld(server, skew_s, **pushed) if pushed else World(server, skew_s)
        clock = ExchangeClock(world.clock)
        session = Session(writer, models, PARAMS, clock, said.append, lambda answer: None)
        session.keep_to(symbols)
        closing = Closing(connect(server, "binance"), symbols, "1m", said.append, world.sleep, world.clock)
        if pushed:
            make = connect_socket(server, "binance", world.together)
            world.pushing = Pushing(closing.exchange, closing.names, "1m", make, world.wait)
        source = Exchange(
            session, closing, PARAMS, said.append, clock, world.sleep, getattr(world, "pushing", None)
        )
        try:
            yield session, source, world, said
        finally:
            source.close()


def run(session, source, world, minutes):
    """Answer until so many minutes have passed."""
    if not session.resume():
        session.learn(source.history())
    until = world.now + 60 * minutes
    for batch in source.batches():
        session.take(batch)
        if world.now > until:
            break


def records(folder):
    """What was answered, by symbol and bar from START."""
    rows = pd.DataFrame(list(Records(folder).read()))
    return rows.assign(bar=(rows["timestamp"] // 1000 - START) // STEP)


def assert_complete(rows, first, last=None, symbols=SYMBOLS, at_least=0):
    """Every candle of the symbols, once, with its own values, up to the last there is: `at_least` that."""
    last = int(rows["bar"].max()) if last is None else last
    assert last >= at_least
    for symbol in symbols:
        own = rows[rows["symbol"] == symbol]
        assert own["bar"].tolist() == list(range(first, last + 1))
        _, values = CANDLES[f"api {symbol.replace('-', '')}"]
        np.testing.assert_array_equal(
            own[["open", "high", "low", "close", "volume"]], values[first : last + 1]
        )
