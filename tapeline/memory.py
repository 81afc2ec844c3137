"""Whether a stage fits into the memory that it may have, said before it begins."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from tapeline.errors import ParamsError
from tapeline.params import Params
from tapeline.schema import Symbols, Workers

KEY = "data.memory_gb"
MemoryGb = Annotated[float, Field(ge=0.001, le=1_000_000)] | None  # None: what the machine has
GB = 2**30
GROUPS, MEMBERSHIP = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")  # of Linux, in man cgroups


@dataclass(frozen=True)
class Need:
    """What a stage takes, by benchmarks/memory.py: megabytes of its own, and of each of its workers.

    row_bytes : for each row, of the symbols that are worked on at once if `is_by_symbol`, else of all
    workers : the key that says how many there are; None where there are none
    """

    own_mb: int
    worker_mb: int
    row_bytes: int
    is_by_symbol: bool
    workers: str | None

    def bytes_for(self, rows: Sequence[int], workers: int) -> int:
        """Bytes for symbols of so many `rows` each, with so many `workers`."""
        n_at_once = min(workers, len(rows)) if self.is_by_symbol else len(rows)
        held = sum(sorted(rows, reverse=True)[:n_at_once])
        return (self.own_mb + workers * self.worker_mb << 20) + self.row_bytes * held


NEEDS = {
    "features": Need(200, 150, 200, True, "data.workers"),
    "expectations": Need(400, 400, 300, True, "data.workers"),
    "splits": Need(150, 0, 100, False, None),
    "train": Need(450, 480, 240, False, "train.workers"),
    "baselines": Need(400, 350, 150, False, "train.workers"),
    "evaluate": Need(500, 0, 250, False, None),
}


def require_memory(params: Params, stage: str, tables: Path | str = "data/features") -> None:
    """Raise ParamsError, which names what to lower, where `stage` takes more than data.memory_gb.

    tables : folder of the tables, one a symbol, whose rows count
    """
    need, asked = NEEDS[stage], params.value(KEY, MemoryGb)
    paths = [Path(tables) / f"{symbol}.parquet" for symbol in params.value("data.symbols", Symbols)]
    rows = [_rows_of(path) for path in paths if path.exists()]  # the stage says which is not
    workers = params.value(need.workers, Workers) if need.workers else 0
    there = machine_bytes() if asked is None else int(asked * GB)
    taken = need.bytes_for(rows, workers)
    if rows and taken > there:
        lower = f"{need.workers} ({workers}) or data.symbols ({len(rows)})" if workers > 1 else "data.symbols"
        has, empty = ("this machine has", "is empty: ") if asked is None else ("it may take", "")
        longest = f"{max(rows):,} rows a symbol"
        rule = f"{stage} takes about {taken / GB:.2g} GB of {longest}, {has} {there / GB:.2g}"
        raise ParamsError(KEY, asked, f"{empty}{rule}; lower {lower}, or shorten the history")


def _rows_of(path: Path) -> int:
    """Rows of a table in month files, or in one; what is broken, whoever reads it says."""
    files = sorted(path.glob("[0-9]*.parquet")) if path.is_dir() else [path]
    rows = 0
    for file in files:
        with suppress(pa.ArrowException):
            rows += pq.read_metadata(file).num_rows
    return rows


def machine_bytes() -> int:
    """Memory of this machine, or of the groups of processes that this one is in where one has less."""
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_group_limits()])


def _group_limits() -> Iterator[int]:
    """Limits of the control groups of this process and of those above them, of either version of Linux's."""
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        mounted = {"": ("", "memory.max"), "memory": ("memory", "memory.limit_in_bytes")}.get(controllers)
        if mounted is None:
            continue
        top, name = mounted
        group = PurePosixPath(path.lstrip("/"))
        for folder in (group, *group.parents):
            with suppress(OSError, ValueError):  # no such file, or `max`
                yield int((GROUPS / top / folder / name).read_text())
