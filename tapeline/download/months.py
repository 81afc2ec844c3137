"""Downloaded candles on disk: one Parquet file per UTC month, with the spans of time that were fetched."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.outputs import write_table
from tapeline.schema import INTERVAL_MINUTES, OHLCV, TIMESTAMP_TYPE

Span = tuple[int, int]  # milliseconds since 1970 UTC, from and until
LONG_GAP = 720  # candles; a stretch so long without one is asked for again by every run
FETCHED = "fetched"  # key in the schema of a file: its spans, also where the exchange has no candle


class Chunk:
    """Candles of one month: `times` (candles,) in milliseconds, `values` (candles, 5), spans `fetched`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.times: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.values: NDArray[np.float64] = np.empty((0, len(OHLCV)))
        self.fetched: list[Span] = []
        if path.exists():
            self.fetched = read_fetched(path)
            with _readable(path):
                table = pq.read_table(path, partitioning=None).to_pandas(ignore_metadata=True)
            self.times = table["timestamp"].to_numpy("datetime64[ms]").view("int64")
            self.values = table[list(OHLCV)].to_numpy()

    def add(self, span: Span, times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Take in what the exchange has in `span`, which was not fetched before, and write the file anew."""
        order = np.argsort(times := np.concatenate([self.times, times]), kind="stable")
        self.times, self.values = times[order], np.concatenate([self.values, values])[order]
        self.fetched = merge_spans([*self.fetched, span])
        if len(self.times):  # a month without a candle has no file: a reader would find it empty
            write_table(self.path, self._table(), {FETCHED: ", ".join(map(show_span, self.fetched))})

    def _table(self) -> pd.DataFrame:
        table = pd.DataFrame(self.values, columns=list(OHLCV))
        table.insert(0, "timestamp", pd.to_datetime(self.times, unit="ms", utc=True).astype(TIMESTAMP_TYPE))
        return table


class ChunkFolder:
    """The months of one symbol and interval; DataError if the folder holds anything else."""

    def __init__(self, folder: Path, interval: str) -> None:
        self.folder, self.interval = folder, interval
        self._current: Chunk | None = None
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(f".{interval}-") and path.suffix == ".partial":
                path.unlink()  # left behind by a run that was killed
            elif not path.name.startswith((".", "README")) and not path.match(f"{interval}-????-??.parquet"):
                raise DataError(
                    path, f"is no download of {interval} candles; move it elsewhere, then run again"
                )

    def add(self, span: Span, times: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        """Store the candles of `span`, each in the file of its month, on disk when this returns."""
        for month in split_months(span):
            path = self._path(month[0])
            if self._current is None or self._current.path != path:
                self._current = Chunk(path)
            is_in_month = (times >= month[0]) & (times < month[1])
            self._current.add(month, times[is_in_month], values[is_in_month])

    def missing(self, span: Span) -> list[Span]:
        """Spans within `span` to ask for, in order: not fetched yet, or fetched and strangely empty.

        Strange is a stretch of LONG_GAP without a candle, and any before the first or behind the last one: an
        exchange may serve later what it did not serve before.
        """
        paths = [self._path(month[0]) for month in split_months(span)]
        fetched = merge_spans([part for path in paths if path.exists() for part in read_fetched(path)])
        fetched = [part for part in fetched if part[0] < span[1] and part[1] > span[0]]
        edges = [span[0], *(edge for part in fetched for edge in part), span[1]]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        return merge_spans([*((a, b) for a, b in gaps if a < b), *self._empty(span)])

    def _empty(self, span: Span) -> list[Span]:
        step = INTERVAL_MINUTES[self.interval] * 60_000
        times = self.read_times(span)
        if not len(times):
            return [span]
        ends = [(span[0], int(times[0])), (int(times[-1]) + step, span[1])]
        long = np.flatnonzero(np.diff(times) > LONG_GAP * step)
        between = [(int(times[row]) + step, int(times[row + 1])) for row in long]
        return [(a, b) for a, b in [*ends, *between] if a < b]

    def read_times(self, span: Span) -> NDArray[np.int64]:
        """Times of all stored candles within `span`, in milliseconds, ascending."""
        chunks = [Chunk(self._path(month[0])).times for month in split_months(span)]
        times = np.concatenate(chunks)
        return times[(times >= span[0]) & (times < span[1])]

    def _path(self, time: int) -> Path:
        return self.folder / f"{self.interval}-{to_datetime(time):%Y-%m}.parquet"


def read_fetched(path: Path) -> list[Span]:
    """Spans that the file at `path` says were fetched; DataError if it is broken or of another maker."""
    with _readable(path):
        metadata = pq.read_schema(path).metadata or {}
    if FETCHED.encode() not in metadata:
        raise DataError(path, "was not written by the download; move it elsewhere, then run again")
    texts = metadata[FETCHED.encode()].decode().split(", ")
    edges = [map(to_milliseconds, map(datetime.fromisoformat, text.split("/"))) for text in texts]
    return [(start, end) for start, end in edges]


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())
        raise DataError(
            path, f"is broken ({reason}); remove it, and the next run fetches it again"
        ) from error


def merge_spans(spans: list[Span]) -> list[Span]:
    """Sort `spans` and join those that touch or overlap."""
    merged: list[Span] = []
    for start, stop in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], stop))
        else:
            merged.append((start, stop))
    return merged


def split_months(span: Span) -> Iterator[Span]:
    """Cut `span` at the beginnings of UTC months."""
    start, stop = span
    while start < stop:
        first = to_datetime(start).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        following = first.replace(year=first.year + first.month // 12, month=first.month % 12 + 1)
        yield start, min(stop, to_milliseconds(following))
        start = to_milliseconds(following)


def show_span(span: Span) -> str:
    """`span` as ISO 8601 writes an interval of time."""
    return "/".join(map(show_time, span))


def show_time(time: int) -> str:
    """Milliseconds since 1970 as ISO 8601, to the second."""
    return f"{to_datetime(time):%Y-%m-%dT%H:%M:%SZ}"


def to_datetime(time: int) -> datetime:
    """Milliseconds since 1970 as a UTC time."""
    return datetime.fromtimestamp(time / 1000, UTC)


def to_milliseconds(time: datetime) -> int:
    """A time with zone as milliseconds since 1970, rounded down."""
    return int(time.timestamp() * 1000 // 1)
