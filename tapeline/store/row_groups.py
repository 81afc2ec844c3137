"""Rows of a store's file by time and column: only the row groups that hold them are read."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tapeline.errors import DataError
from tapeline.store.remote import reached
from tapeline.store.table_schema import TIMESTAMP


@dataclass(frozen=True)
class Slice:
    """Rows `begin` to `stop` of the row `groups` of a file, and their `times`, int64 microseconds.

    where : names the file in messages; open : opens it, for a table may lie in more files than may be open
    """

    where: str
    open: Callable[[], AbstractContextManager[pq.ParquetFile]]
    metadata: pq.FileMetaData
    groups: list[int]
    begin: int
    stop: int
    times: NDArray[np.int64]


@contextmanager
def readable(where: str) -> Iterator[None]:
    """Turn what is raised by a broken file into one line that names it; a missing file passes."""
    try:
        with reached(where):
            yield
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise DataError(where, f"not readable as Parquet: {one_line(error)}") from error


def find_rows(
    where: str,
    open_file: Callable[[], AbstractContextManager[pq.ParquetFile]],
    start: int | None,
    end: int | None,
) -> Slice:
    """Find the rows in time: row groups by their statistics, then rows by their sorted timestamps."""
    with open_file() as file:
        groups = [
            group
            for group, (first, last) in ((group, time_bounds(file, group)) for group in filled_groups(file))
            if (start is None or last >= start) and (end is None or first < end)
        ]
        times = np.empty(0, np.int64)
        if groups:
            with readable(where):
                column = file.read_row_groups(groups, columns=[TIMESTAMP]).column(0)
            times = column.cast(pa.int64()).to_numpy()
        metadata = file.metadata
    begin = 0 if start is None else int(np.searchsorted(times, start))
    stop = len(times) if end is None else int(np.searchsorted(times, end))
    return Slice(where, open_file, metadata, groups, begin, stop, times[begin:stop])


def fill(slices: list[Slice], arrays: dict[str, np.ndarray]) -> None:
    """Read each column into its array (rows of all slices,): never more than a row group is held twice."""
    at = 0
    for slice_ in slices:
        if not len(slice_.times) or not arrays:
            continue
        offset = 0  # of the row group within the slice's groups
        with slice_.open() as file:
            for group in slice_.groups:
                size = slice_.metadata.row_group(group).num_rows
                begin, stop = max(slice_.begin - offset, 0), min(slice_.stop - offset, size)
                offset += size
                if begin >= stop:
                    continue
                with readable(slice_.where):
                    part = file.read_row_group(group, columns=list(arrays))
                for name, array in arrays.items():
                    array[at : at + stop - begin] = part.column(name).to_numpy()[begin:stop]
                at += stop - begin


def blocks(slices: list[Slice], columns: Sequence[str]) -> Iterator[NDArray[np.float32]]:
    """Yield the columns of each row group of all slices, (rows, F), of files that are read whole."""
    for slice_ in slices:
        with slice_.open() as file:
            for group in slice_.groups:
                with readable(slice_.where):
                    part = file.read_row_group(group, columns=list(columns))
                block = np.empty((len(part), len(columns)), np.float32)
                for k, name in enumerate(columns):
                    block[:, k] = part.column(name).to_numpy()
                yield block


def filled_groups(file: pq.ParquetFile) -> list[int]:
    """Numbers of the row groups that have rows."""
    metadata = file.metadata
    return [group for group in range(metadata.num_row_groups) if metadata.row_group(group).num_rows]


def time_bounds(file: pq.ParquetFile, group: int) -> tuple[int, int]:
    """First and last timestamp of a row group, microseconds since 1970."""
    column = file.schema_arrow.get_field_index(TIMESTAMP)
    statistics = file.metadata.row_group(group).column(column).statistics
    return statistics.min_raw, statistics.max_raw


def one_line(error: BaseException) -> str:
    """An exception's message in one line; its class name if the message is empty."""
    return " ".join(str(error).split()) or type(error).__name__
