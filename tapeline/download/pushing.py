"""Candles as an exchange pushes them over its websocket: the one file with asyncio, in a thread of its own.

ccxt keeps the last candles that were pushed, by symbol; what changed in them is handed on. It may stumble
over a frame and go deaf without a word, so that an error in the loop ends the connection as well. When to
open another is for whoever takes what is heard: nothing here looks at a clock.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple, cast
from urllib.request import getproxies

import ccxt.pro

from tapeline.download.remote import LASTING, describe

KEPT = 5  # candles of a symbol that ccxt keeps: the open one, and those that may still be corrected
ENDING_S = 5.0  # seconds that a connection may take to be closed


class Heard(NamedTuple):
    """What one symbol's part of a connection said since it was last asked.

    candles : open time in milliseconds to OHLCV, the last of each; the newest may be open
    closed : those of which the exchange itself says that they have closed; None: it never says
    """

    symbol: str
    candles: dict[int, tuple[float, ...]]
    closed: set[int] | None


class Lost(NamedTuple):
    """Why there is no connection any more; is_lasting: another would be lost as well."""

    why: str
    is_lasting: bool


def socket_of(exchange: ccxt.Exchange) -> Callable[[], Any] | None:
    """What makes the client of an exchange's websocket, with proxies of the environment; None without one."""
    client = getattr(ccxt.pro, exchange.id, None)
    if client is None or client().has.get("watchOHLCV") is not True:
        return None
    # A proxy of https is one of wss: both are tunnels. `requests` reads the same names of certificates.
    proxies = getproxies()
    proxy = proxies.get("wss") or proxies.get("https")
    bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    chosen: dict[str, Any] = {"aiohttp_trust_env": True}
    chosen |= {"wssProxy": proxy} if proxy else {}
    chosen |= {"cafile": bundle} if bundle else {}
    return lambda: client(dict(chosen))


class Pushing:
    """One connection at a time to an exchange that pushes candles of `names`, symbol to ccxt's name.

    exchange : client of the same exchange whose markets are loaded
    make : a client of its websocket, new for every connection, which begins knowing nothing
    wait : of an event, at most some seconds
    """

    def __init__(
        self,
        exchange: ccxt.Exchange,
        names: Mapping[str, str],
        interval: str,
        make: Callable[[], Any],
        wait: Callable[[threading.Event, float], object] = threading.Event.wait,
    ) -> None:
        self.exchange, self._interval, self._make, self._wait = exchange, interval, make, wait
        self._symbols = {name: symbol for symbol, name in names.items()}
        self._loop: asyncio.AbstractEventLoop | None = None  # of the thread, both from the first `open` on
        self._thread: threading.Thread | None = None
        self._event, self._lock = threading.Event(), threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._lost: Lost | None = None
        self._task: asyncio.Task[None] | None = None
        self._broken: asyncio.Future[None] | None = None
        self._seen: dict[str, dict[int, list[Any]]] = {}  # in the loop alone, as the two below
        self._ended: dict[str, dict[int, list[Any]]] = {}
        self._says_ends = False

    def open(self) -> None:
        """Begin a connection; what is heard of it, or that it failed, is there to be taken."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._loop.set_exception_handler(self._stumble)
            self._thread = threading.Thread(target=self._loop.run_forever, name="socket", daemon=True)
            self._thread.start()
        self._call(self._loop, self._begin())

    def take(self, seconds: float) -> tuple[list[Heard], Lost | None]:
        """What was heard, after at most `seconds` of nothing; why the connection was lost, if it was."""
        self._wait(self._event, seconds)
        with self._lock:
            self._event.clear()
            (heard, self._heard), (lost, self._lost) = (self._heard, {}), (self._lost, None)
        return list(heard.values()), lost

    def drop(self) -> None:
        """End the connection; nothing more is heard of it."""
        if self._loop is not None:
            self._call(self._loop, self._end())
        with self._lock:
            self._event.clear()
            self._heard, self._lost = {}, None

    def close(self) -> None:
        """End all of it."""
        self.drop()
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(ENDING_S)
            if not self._thread.is_alive():
                self._loop.close()
            self._loop = self._thread = None

    def _call(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(TimeoutError):  # of a connection that does not end: the thread is a daemon
            asyncio.run_coroutine_threadsafe(coroutine, loop).result(ENDING_S)

    async def _begin(self) -> None:
        await self._end()
        self._task = asyncio.create_task(self._listen())

    async def _end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _listen(self) -> None:
        """Hand on what is pushed until the connection is lost."""
        self._seen, self._ended, self._says_ends = {}, {}, False
        client = self._make()
        client.newUpdates = False  # what changed is seen here, symbol by symbol
        client.options["OHLCVLimit"] = KEPT
        try:
            client.set_markets_from_exchange(self.exchange)
            self._note_ends(client)
            await self._follow_all(client)
            lost = Lost("no symbol is pushed", is_lasting=True)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            lost = Lost("the connection was closed", is_lasting=False)  # so ccxt itself may tell it
        except Exception as error:  # whatever the client stumbles over: REST is there
            lost = Lost(describe(error), isinstance(error, LASTING))
        finally:
            with contextlib.suppress(Exception):
                await client.close()
        with self._lock:
            self._lost = lost
            self._event.set()

    async def _follow_all(self, client: Any) -> None:
        """Follow all symbols, those of a kind of market at once where that can be; raise what ends it."""
        self._broken = asyncio.get_running_loop().create_future()
        if client.has.get("watchOHLCVForSymbols") is True:
            kinds = {name: str(client.market(name).get("type")) + str(client.market(name).get("settle"))
                     for name in self._symbols}  # fmt: skip
            names = sorted(kinds, key=lambda name: kinds[name])
            followed = [
                self._follow_many(client, list(some)) for _, some in groupby(names, lambda name: kinds[name])
            ]
        else:
            followed = [self._follow(client, name) for name in self._symbols]
        tasks = [asyncio.create_task(each) for each in followed]
        try:
            watched: asyncio.Future[Any] = asyncio.gather(*tasks)
            await asyncio.wait(
                [watched, cast("asyncio.Future[Any]", self._broken)], return_when=asyncio.FIRST_COMPLETED
            )
            (self._broken if self._broken.done() else watched).result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, watched, return_exceptions=True)

    async def _follow_many(self, client: Any, names: list[str]) -> None:
        while True:
            await client.watch_ohlcv_for_symbols([[name, self._interval] for name in names], None, 1)
            # It tells of one symbol, and nobody of another that was pushed in the same moment.
            for name in names:
                self._hear(name, client.ohlcvs.get(name, {}).get(self._interval, ()))

    async def _follow(self, client: Any, name: str) -> None:
        while True:
            try:
                rows = await client.watch_ohlcv(name, self._interval)
            except LASTING:
                return  # this symbol is not pushed; the others are
            self._hear(name, rows)

    def _hear(self, name: str, rows: Sequence[list[Any]]) -> None:
        """Keep what changed for whoever takes it; rows that are no candle are left."""
        symbol, seen = self._symbols[name], self._seen.get(name, {})
        changed = {row[0]: row[:6] for row in rows if len(row) > 5 and row[:6] != seen.get(row[0])}
        ended = self._ended.pop(name, {})
        if not changed and not ended:
            return
        self._seen[name] = {row[0]: row[:6] for row in rows if row}
        candles = {}
        # What a candle was when it closed counts, whatever came behind it.
        for opened, row in (changed | ended).items():
            with contextlib.suppress(TypeError, ValueError):
                candles[int(opened)] = tuple(float(value) for value in row[1:])
        with self._lock:
            before = self._heard.get(symbol, Heard(symbol, {}, None))
            closed = (before.closed or set()) | (ended.keys() & candles) if self._says_ends else None
            self._heard[symbol] = Heard(symbol, before.candles | candles, closed)
            self._event.set()

    def _note_ends(self, client: Any) -> None:
        """Have `client` note what Binance says itself, and ccxt leaves out: that a candle has closed."""
        handle, frame = client.handle_message, client.timeframes.get(self._interval)
        ids = [client.market(name)["id"] for name in self._symbols]  # one may be a pair's and a perpetual's
        names = {key: name for key, name in zip(ids, self._symbols, strict=True) if ids.count(key) == 1}

        def hear(connection: Any, message: Any) -> None:
            handle(connection, message)
            kline = message.get("k") if isinstance(message, dict) and message.get("e") == "kline" else None
            if isinstance(kline, dict) and "x" in kline and kline.get("i") == frame:
                self._says_ends = True
                if kline["x"] is True and kline.get("s") in names:
                    row = [kline.get(column) for column in "tohlcv"]
                    self._ended.setdefault(names[kline["s"]], {})[kline["t"]] = row

        client.handle_message = hear

    def _stumble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """An error in a callback: the client goes on without listening, so another connection is needed.

        Futures whose error nobody asked for are no such thing: ccxt leaves some with every connection.
        """
        error, broken = context.get("exception"), self._broken
        if "handle" in context and broken is not None and not broken.done():
            broken.set_exception(ccxt.BadResponse(f"a frame that is not understood: {error!r}"))
