"""Candles of one span of time, page by page: pages are checked, a gap is accepted only if seen twice.

Some exchanges treat the start of a request as exclusive, so each page is asked for from one candle earlier
than it must hold.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import ccxt
import numpy as np
from numpy.typing import NDArray

from tapeline.download.months import Span
from tapeline.download.remote import Remote
from tapeline.schema import INTERVAL_MINUTES, OHLCV

DEFAULT_LIMIT = 100  # candles per page where ccxt does not say what the exchange allows


@dataclass
class Tally:
    """What the pages of one symbol held, in rows where not said otherwise."""

    pages: int = 0  # answers
    duplicates: int = 0  # equal to the row of their time that was kept, the last
    conflicting: int = 0  # of one time with the row that was kept, and different from it
    unordered: int = 0  # behind a later time; ccxt itself sorts the pages of most exchanges
    outside: int = 0  # of the span asked for: not kept
    off_grid: set[int] = field(default_factory=set)  # times between those of the interval: not kept
    incomplete: int = 0  # without a price or volume; kept, for ingest to reject


@dataclass(frozen=True)
class Page:
    """Candles of one answer: `times` (candles,) in milliseconds, ascending; `values` (candles, 5)."""

    times: NDArray[np.int64]
    values: NDArray[np.float64]
    first: int | None  # time of the earliest row not before the span, also one behind its end


class Pages:
    """The pages of `symbol`, from a remote exchange."""

    def __init__(self, remote: Remote, symbol: str, interval: str, tally: Tally) -> None:
        self._remote, self._symbol, self._interval, self._tally = remote, symbol, interval, tally
        self._step = INTERVAL_MINUTES[interval] * 60_000
        self._limit = remote.exchange.feature_value(symbol, "fetchOHLCV", "limit") or DEFAULT_LIMIT

    def walk(self, span: Span) -> Iterator[tuple[Span, Page]]:
        """Yield the candles of `span` in order, with the part of it that they are the whole of.

        A short page is not the end. Where there is nothing, some exchanges answer with what comes later
        and others with an empty page, so the walk goes on behind the page's length.
        """
        start, stop = span
        while start < stop:
            limit = min(self._limit, (stop - start) // self._step + 1)  # with the candle before
            page = self._ask_until_sure(start, stop, limit)
            if len(page.times):
                covered_until = int(page.times[-1]) + self._step
            else:  # nothing here; what lies behind `stop` shows that nothing lies before it
                covered_until = min(stop, start + (limit - 1) * self._step) if page.first is None else stop
            yield (start, covered_until), page
            start = covered_until

    def _ask_until_sure(self, start: int, stop: int, limit: int) -> Page:
        """Ask for a page; ask again if it leaves out candles, since that may be a fault.

        The fuller answer is taken; a gap of a page's length or more needs two answers that show it.
        """
        reach = (limit - 1) * self._step
        page = self._ask(start, stop, limit)
        if page.first is None or page.first >= start + reach:
            again = self._ask(start, stop, limit)
            is_confirmed = again.first == page.first or (
                again.first is not None and again.first < start + reach
            )
            page = again if is_confirmed else Page(again.times[:0], again.values[:0], None)
        elif len(page.times) and page.times[-1] >= start + len(page.times) * self._step:
            again = self._ask(start, stop, limit)
            page = again if len(again.times) > len(page.times) else page
        far = np.flatnonzero(np.diff(page.times) > reach)
        if len(far):  # the rows behind such a gap are asked for again, from its beginning
            page = Page(page.times[: far[0] + 1], page.values[: far[0] + 1], page.first)
        return page

    def _ask(self, start: int, stop: int, limit: int) -> Page:
        def read(rows: list[list[float | None]]) -> Page:
            return read_page(rows, (start, stop), self._step, limit, self._tally)

        remote = self._remote
        since = max(0, start - self._step)
        page: Page = remote.ask(
            remote.exchange.fetch_ohlcv, self._symbol, self._interval, since, limit, read=read
        )
        return page


def read_page(rows: list[list[float | None]], span: Span, step: int, limit: int, tally: Tally) -> Page:
    """The rows of an answer within `span`, sorted, the last of each time; counts go to `tally`.

    ccxt cuts an answer at `limit` rows: where times repeat, the last one's last row may have been cut off,
    and that time is left to the next page.

    rows : lists of time in ms, open, high, low, close, volume, as of ccxt. ccxt.BadResponse for others.
    """
    width = 1 + len(OHLCV)
    if any(len(row) < width or row[0] is None for row in rows):
        raise ccxt.BadResponse("a row of candles lacks its time or a column")
    cells = [[np.nan if cell is None else cell for cell in row[:width]] for row in rows]
    table = np.array(cells, dtype=np.float64).reshape(-1, width)
    times, values = table[:, 0].astype(np.int64), table[:, 1:]

    is_off_grid = times % step != 0
    tally.off_grid.update(times[is_off_grid].tolist())
    first = min((int(time) for time in times[~is_off_grid] if time >= span[0]), default=None)
    is_within = (times >= span[0]) & (times < span[1]) & ~is_off_grid
    is_before = times == span[0] - step  # asked for, in case the start is exclusive
    n_outside, (times, values) = (
        int((~is_within & ~is_off_grid & ~is_before).sum()),
        (times[is_within], values[is_within]),
    )
    n_unordered = int((times < np.maximum.accumulate(times)).sum())
    order = np.argsort(times, kind="stable")
    times, values = times[order], values[order]
    is_last = np.append(times[1:] != times[:-1], True)[: len(times)]
    winner = np.flatnonzero(is_last)[np.cumsum(is_last) - is_last]  # (rows,) position of the row that stays
    is_equal = ((values == values[winner]) | np.isnan(values) & np.isnan(values[winner])).all(axis=1)

    tally.pages += 1
    tally.outside += n_outside
    tally.unordered += n_unordered
    tally.duplicates += int((is_equal & ~is_last).sum())
    tally.conflicting += int((~is_equal).sum())
    is_cut = len(rows) >= limit and 1 < is_last.sum() < len(is_last)
    times, values = times[is_last][: -1 if is_cut else None], values[is_last][: -1 if is_cut else None]
    tally.incomplete += int(np.isnan(values).any(axis=1).sum())
    return Page(times, values, first)
