"""Candles of an exchange as they close: asked for again and again, each as soon as it is served."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import ccxt
import numpy as np
from numpy.typing import NDArray

from tapeline.download.history import check_interval, name_folder
from tapeline.download.pages import Pages, Tally
from tapeline.download.remote import Remote, UnreachableError, name_close
from tapeline.errors import DataError
from tapeline.schema import INTERVAL_MINUTES

AGAIN = 2  # candles before the newest that are asked for once more, in case they were corrected


class Served(NamedTuple):
    """Candles of one symbol, rising: open `times` (n,) in milliseconds, `candles` (n, 5) of OHLCV."""

    symbol: str
    times: NDArray[np.int64]
    candles: NDArray[np.float64]


class Closing:
    """Closed candles of `symbols`, named as data names them, of an exchange that ccxt knows.

    skew_s : seconds that the exchange's clock is ahead of this machine's, as of the last `look_at_clock`
    names : what the exchange calls each symbol
    """

    def __init__(
        self,
        exchange: ccxt.Exchange,
        symbols: Iterable[str],
        interval: str,
        say: Callable[[str], None],
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """DataError for an interval or a symbol that the exchange has not."""
        self._remote, self._interval, self._clock = Remote(exchange, say, sleep, clock), interval, clock
        check_interval(exchange, interval)
        self.step = INTERVAL_MINUTES[interval] * 60_000
        self._remote.ask(exchange.load_markets)
        self.exchange, self.names = exchange, markets_of(exchange, symbols)
        self.skew_s = 0.0
        self.tally = Tally()
        self.look_at_clock()

    def look_at_clock(self) -> None:
        """Measure how far the exchange's clock is ahead."""
        before = self._clock()
        now = self._remote.now() / 1000
        self.skew_s = now - (before + self._clock()) / 2

    def begin(self) -> None:
        """Sleep through no failure from here on, as others wait: RestingError until its pause is over."""
        self._remote.is_patient = False

    @property
    def has_begun(self) -> bool:
        """Whether `begin` was called."""
        return not self._remote.is_patient

    @property
    def retries(self) -> int:
        """Questions that had to be repeated."""
        return self._remote.retries

    def now(self) -> int:
        """Milliseconds since 1970 by the exchange's clock."""
        return int((self._clock() + self.skew_s) * 1000)

    def fetch(self, symbol: str, first: int, after: int) -> Served:
        """Closed candles of `symbol` that open in [first, after), milliseconds; or the first of them."""
        after = min(after, self.now() // self.step * self.step)
        times, values = [np.empty(0, dtype=np.int64)], [np.empty((0, 5))]
        if first < after:
            pages = Pages(self._remote, self.names[symbol], self._interval, self.tally)
            try:
                for _, page in pages.walk((first, after)):
                    times.append(page.times)
                    values.append(page.values)
            except UnreachableError:
                if len(times) == 1:
                    raise
        return Served(symbol, np.concatenate(times), np.concatenate(values))

    def newest(self, symbol: str, bar: int) -> Served:
        """The candle that opened at `bar` and a few before it, as far as they are served; asked for once."""
        rows = self._remote.ask(
            self._remote.exchange.fetch_ohlcv, self.names[symbol], self._interval,
            bar - AGAIN * self.step, AGAIN + 2,
        )  # fmt: skip
        table = np.array([row[:6] for row in rows if None not in row[:6]], dtype=np.float64).reshape(-1, 6)
        is_asked = (table[:, 0] <= bar) & (table[:, 0] >= bar - AGAIN * self.step)
        table = table[is_asked & (table[:, 0] % self.step == 0)]
        table = table[np.argsort(table[:, 0], kind="stable")]
        return Served(symbol, table[:, 0].astype(np.int64), table[:, 1:])


def markets_of(exchange: ccxt.Exchange, symbols: Iterable[str]) -> Mapping[str, str]:
    """What the exchange calls each of `symbols`; DataError names one that it has not."""
    by_name: dict[str, str] = {}
    for market in exchange.symbols:
        try:
            by_name.setdefault(name_folder(market), market)
        except DataError:
            continue  # no symbol of ours is called so
    for symbol in symbols:
        if symbol not in by_name:
            raise DataError(exchange.id, f"has no symbol {symbol!r}{name_close(symbol, list(by_name))}")
    return {symbol: by_name[symbol] for symbol in symbols}
