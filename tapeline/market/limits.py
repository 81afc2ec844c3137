"""How much reading one file of candles may take: a small file can be made to fill memory or to last for ever.

Sizes that a format declares are judged before anything is unpacked, others while it is. Behind them stand
limits of the process itself, which hold for every format and whatever a file says of itself.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import pyarrow as pa

from tapeline.errors import DataError

MAX_UNPACKED = (
    2**30
)  # bytes; ten years of one-minute candles take half of it as CSV, 5 million rows as JSON 0.7
MAX_RATIO = 200  # unpacked over packed bytes; candles reach 20, deflate can reach 1,000, zstd 100,000
# Unpacked bytes from which the ratio is judged: few equal rows pack well, and do no harm.
MIN_JUDGED = 16 * 2**20
MAX_ROWS = 20_000_000  # of a file; 38 years of one-minute candles
MAX_COLUMNS = 1_000  # of a file; a candle has 6, with indicators beside it a few hundred
MAX_VALUES = 100_000_000  # of a JSON text; each is an object of some 60 bytes, and a row of 12 has 13
MAX_MEMORY = 8 * 2**30  # bytes beside what the process holds; 5 million rows of 12 texts as JSON take 6.2
MAX_SECONDS = 300  # of processor time, a file; those rows take 40


def check_size(n_unpacked: int, n_packed: int | None = None, is_declared: bool = True) -> None:
    """Raise ValueError if `n_unpacked` bytes, out of `n_packed`, are more than candles can be.

    is_declared : the number is that of all, as the file says; otherwise of what has come so far
    """
    size = f"{n_unpacked:,} bytes, more" if is_declared else "more"
    if n_unpacked > MAX_UNPACKED:
        raise ValueError(f"unpacks to {size} than the {MAX_UNPACKED:,} that are read; split it by time")
    if n_packed is not None and n_unpacked > max(MIN_JUDGED, MAX_RATIO * n_packed):
        reason = f"than {MAX_RATIO} times its {n_packed:,}, which no candles do"
        raise ValueError(f"unpacks to {size} {reason}; get it anew, or write it as CSV")


def check_shape(n_rows: int, n_columns: int) -> None:
    """Raise ValueError if a table has more rows or columns than one of candles."""
    if n_rows > MAX_ROWS:
        raise ValueError(f"has {n_rows:,} rows, more than the {MAX_ROWS:,} that are read; split it by time")
    if n_columns > MAX_COLUMNS:
        raise ValueError(
            f"has {n_columns:,} columns, more than the {MAX_COLUMNS:,} that are read; leave out all but the "
            "candle's"
        )


def check_values(n_values: int) -> None:
    """Raise ValueError if a text of JSON has more values than fit in memory as objects."""
    if n_values > MAX_VALUES:
        raise ValueError(
            f"has {n_values:,} values, more than the {MAX_VALUES:,} that are read; split it by time, or "
            "write it as CSV or Parquet"
        )


@contextmanager
def bounded(path: Path) -> Iterator[None]:
    """Raise DataError about the file at `path` if what is done here takes more memory or time than it may.

    Time is that of the processor, and judged in the main thread alone: signals come nowhere else. Memory is
    judged on Linux.
    """
    try:
        with _bounded_memory(), _bounded_time():
            yield
    except (MemoryError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:60]
        raise DataError(
            path,
            f"takes more than {MAX_MEMORY:,} bytes of memory to read ({reason or 'none left'}); split it by "
            "time, or leave out all columns but the candle's",
        ) from error


@contextmanager
def _bounded_memory() -> Iterator[None]:
    used = _data_bytes()
    if used is None:
        yield
        return
    import resource  # of Unix alone

    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    limits = [limit for limit in (used + MAX_MEMORY, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """What the process holds of the memory that Linux limits; None elsewhere."""
    if sys.platform != "linux":
        return None
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    sizes = [line.split()[1] for line in lines if line.startswith("VmData:")]
    return int(sizes[0]) * 1024 if sizes else None


@contextmanager
def _bounded_time() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise TimeoutError(
            f"takes more than {MAX_SECONDS} s to read; split it by time, or write it as CSV or Parquet"
        )

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
