"""Candles of an exchange into `data/raw`, resumed where the last run stopped, at whatever moment that was."""

import fcntl
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import ccxt
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError
from tqdm import tqdm

from tapeline.candles import count_missing
from tapeline.download.months import ChunkFolder, Span, show_span, show_time, to_milliseconds
from tapeline.download.pages import Pages, Tally
from tapeline.download.remote import Remote, name_close
from tapeline.errors import DataError
from tapeline.schema import INTERVAL_MINUTES, Symbol

SETTLING_MS = 5_000  # after its close, in which a candle may still change, and is not taken
RESUME = "run the same again to go on from there"


@dataclass(frozen=True)
class Request:
    """What to download: symbols as ccxt has them, times in milliseconds, `until` exclusive or None: now."""

    symbols: tuple[str, ...]
    since: int
    until: int | None
    interval: str


@dataclass
class Report:
    """What came of one symbol: `tally` and `retries` of this run, all else of what lies on disk now."""

    symbol: str
    folder: Path
    span: Span
    tally: Tally = field(default_factory=Tally)
    retries: int = 0
    fetched: int = 0  # candles of this run
    times: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def n_missing(self, step: int) -> int:
        """Candles of the span that the exchange did not serve; `step` between candles in milliseconds."""
        return self._n_asked(step) - len(self.times)

    def describe(self, step: int) -> str:
        """All of it in one line; `step` between candles in milliseconds."""
        n_asked, tally = self._n_asked(step), self.tally
        if not len(self.times):
            return f"{self.symbol}: the exchange has no candle in {show_span(self.span)}, {n_asked} asked for"
        between = count_missing(np.diff(self.times), step)
        before, after = (self.times[0] - self.span[0]) // step, (self.span[1] - self.times[-1]) // step - 1
        return (
            f"{self.symbol}: {len(self.times)} of {n_asked} candles in {self.folder},"
            f" first {show_time(self.times[0])}, last {show_time(self.times[-1])};"
            f" not served {self.n_missing(step)}: {before} before the first, {between.sum()} in"
            f" {(between > 0).sum()} gaps, {after} after the last;"
            f" fetched now {self.fetched} in {tally.pages} pages with {self.retries} retries;"
            f" duplicates {tally.duplicates}, conflicting {tally.conflicting},"
            f" out of order {tally.unordered}, outside the request {tally.outside},"
            f" off the grid {len(tally.off_grid)}, incomplete {tally.incomplete}"
        )

    def _n_asked(self, step: int) -> int:
        return (self.span[1] - self.span[0]) // step


def download(
    exchange: ccxt.Exchange,
    request: Request,
    root: Path,
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.time,
) -> Iterator[Report]:
    """Fetch each symbol into `root`/EXCHANGE/SYMBOL and yield its report.

    `say` gets a line for every retry. A DataError, or KeyboardInterrupt, says in one line what was wrong and
    what is on disk. Only closed candles are taken, by the exchange's own clock.
    """
    remote = Remote(exchange, say, sleep, clock)
    check_interval(exchange, request.interval)
    remote.ask(exchange.load_markets)
    names = name_folders(exchange, request.symbols)
    span = _settle_span(remote, request)
    for symbol, name in names.items():
        report = Report(symbol, root / exchange.id.upper() / name, span)
        with _with_progress(report):
            _fetch(remote, report, request.interval)
        yield report


def read_time(name: str, text: str) -> int:
    """An ISO 8601 date or time, UTC where it names no zone, in milliseconds since 1970."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise DataError(
            name, f"is {text!r}, no date or time such as 2024-01-31 or 2024-01-31T08:00"
        ) from None
    return to_milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def name_folders(exchange: ccxt.Exchange, symbols: tuple[str, ...]) -> dict[str, str]:
    """The folder of each symbol; DataError for one that the exchange has not, or that can name no folder."""
    for symbol in symbols:
        if symbol not in exchange.markets:
            raise DataError(exchange.id, f"has no symbol {symbol!r}{name_close(symbol, exchange.symbols)}")
    names = {symbol: name_folder(symbol) for symbol in symbols}
    for symbol, name in names.items():
        if list(names.values()).count(name) > 1:
            raise DataError(symbol, f"shares its folder {name} with another symbol; download one of them")
    return names


def name_folder(symbol: str) -> str:
    """Folder of a symbol of ccxt: / and : become -, and a perpetual contract ends in -PERP.

    BTC/USDT is BTC-USDT; BTC/USDT:USDT is BTC-USDT-PERP, settled in its quote; BTC/USD:BTC is
    BTC-USD-BTC-PERP; BTC/USDT:USDT-240329, which expires, is BTC-USDT-USDT-240329.
    """
    pair, _, settle = symbol.partition(":")
    name = re.sub("[/:]", "-", symbol)
    if settle and "-" not in settle:
        quote = pair.partition("/")[2]
        name = "-".join([pair.replace("/", "-"), *([] if settle == quote else [settle]), "PERP"])
    try:
        return TypeAdapter(Symbol).validate_python(name)
    except ValidationError:
        raise DataError(symbol, f"can't name a folder: {name} may hold only A-Z a-z 0-9 . _ -") from None


def check_interval(exchange: ccxt.Exchange, interval: str) -> None:
    """Raise DataError if the exchange has no candles of the interval."""
    offered = [name for name in INTERVAL_MINUTES if name in (exchange.timeframes or {})]
    if not offered or exchange.has["fetchOHLCV"] is not True:
        raise DataError(exchange.id, "has no candles to download")
    if interval not in offered:
        raise DataError(exchange.id, f"interval is {interval!r}, must be one of {', '.join(offered)}")


def _settle_span(remote: Remote, request: Request) -> Span:
    """The span asked for as far as candles in it are closed, on the grid of the interval."""
    step = INTERVAL_MINUTES[request.interval] * 60_000
    closed = (remote.now() - SETTLING_MS) // step * step
    until = closed if request.until is None else min(closed, -(-request.until // step) * step)
    since = -(-request.since // step) * step
    if since < 0:
        raise DataError("SINCE", "lies before 1970")
    if since >= until:
        message = f"no closed candle lies in {show_span((request.since, request.until or closed))}"
        raise DataError(remote.exchange.id, f"{message}; the last one closed at {show_time(closed)}")
    return since, until


def _fetch(remote: Remote, report: Report, interval: str) -> None:
    """Fetch the parts of the report's span that are not on disk, each page on disk before the next."""
    step = INTERVAL_MINUTES[interval] * 60_000
    retries = remote.retries
    with _locked(report.folder):
        chunks = ChunkFolder(report.folder, interval)
        missing = chunks.missing(report.span)
        n_all, n_left = (
            sum(stop - start for start, stop in spans) // step for spans in ([report.span], missing)
        )
        try:
            with tqdm(
                desc=report.symbol, total=n_all, initial=n_all - n_left, unit="candle", disable=None
            ) as bar:
                for part in missing:
                    for covered, page in Pages(remote, report.symbol, interval, report.tally).walk(part):
                        chunks.add(covered, page.times, page.values)
                        report.fetched += len(page.times)
                        bar.update((covered[1] - covered[0]) // step)
        finally:
            report.retries = remote.retries - retries
            report.times = chunks.read_times(report.span)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep a second download out of `folder`; the lock goes with the process, however that ends."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(folder, "another run is downloading to it") from error
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _with_progress(report: Report) -> Iterator[None]:
    """Add what is on disk to the message of an error or interrupt, in the same line."""
    try:
        yield
    except (DataError, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(report.symbol, f"{reason}; {_describe_progress(report)}") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{report.symbol}: stopped; {_describe_progress(report)}") from None


def _describe_progress(report: Report) -> str:
    last = f", the last {show_time(report.times[-1])}" if len(report.times) else ""
    return f"fetched {report.fetched} candles, {report.folder} holds {len(report.times)}{last}; {RESUME}"
