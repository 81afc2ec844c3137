"""What was answered, on disk: lines of the present day as they come, one Parquet file of every day before it.

A line reaches the system with its answer and the disk within a second, so that a process killed at any moment
leaves at most its last line torn, which is taken off at the next start. A day is packed by writing the file
aside and renaming it; until its lines are gone both hold them, and a key that is there twice is read once.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.outputs import read_json, write_json, write_table
from tapeline.schema import OHLCV, ROW_KEYS

VERSION = 1  # of the columns
FORMAT, LOCK = "format.json", "lock"
LINES, TABLE = ".jsonl", ".parquet"
SYNC_S = 1.0  # seconds that a power cut may take at most
DAY_US = 86_400_000_000
AS_LINE = json.JSONEncoder(separators=(",", ":"))
MICROSECONDS = {"timestamp", "arrived", "answered"}  # since 1970, in a line
# Column -> type in a table. `arrived` is when the candle came, `answered` when its answer was there.
COLUMNS = {
    "symbol": "str",
    "timestamp": "datetime64[us, UTC]",
    "arrived": "datetime64[us, UTC]",
    "answered": "datetime64[us, UTC]",
    **dict.fromkeys(OHLCV, "float64"),
    "status": "str",
    "reason": "str",
    "is_late": "bool",  # answered too late to trade on
    "is_stopped": "bool",  # answered without a signal
    "probability": "float64",  # of the direction that trades; NaN without a prediction
    "tier": "str",  # its tier, empty outside all
    "trend_strength": "float64",
    "predictions": "str",  # of every bundle, JSON
    "row": "str",  # hash of the features that were predicted from
    "bundles": "str",  # ids of the bundles, JSON
}


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Records of a file of lines; a last one that was torn is left out, another ends in ArtifactError."""
    return records_in(path, path.read_bytes())


def records_in(path: Path, content: bytes) -> list[dict[str, Any]]:
    """Records of some `content` of a file of lines, as `read_lines` reads all of it."""
    records = []
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        try:
            if line:
                records.append(json.loads(line))
        except ValueError as error:
            if number == len(lines):
                break
            raise ArtifactError(f"{path}: line {number} is no record; move the file away") from error
    return records


def as_table(records: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Records as a table of `COLUMNS`."""
    table = pd.DataFrame(list(records), columns=list(COLUMNS))
    for name, kind in COLUMNS.items():
        if name in MICROSECONDS:
            times = pd.to_datetime(table[name].to_numpy(np.int64), unit="us", utc=True)
            table[name] = times.astype("datetime64[us, UTC]")
        elif kind == "str":
            table[name] = table[name].fillna("").astype("str")
        elif kind == "bool":
            table[name] = table[name].astype("bool")
        else:
            table[name] = table[name].astype("float64")
    return table


class Records:
    """The records under `folder`, read by anyone; `open_to_write` makes the one that writes."""

    def __init__(self, folder: Path) -> None:
        """ArtifactError if `folder` was written by another version."""
        self.folder = folder
        try:
            version = read_json(folder / FORMAT)["version"] if (folder / FORMAT).exists() else VERSION
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise ArtifactError(
                f"{folder / FORMAT}: can't be read; move {folder} away to begin anew"
            ) from error
        if version != VERSION:
            raise ArtifactError(
                f"{folder}: holds records of version {version}, this code writes {VERSION}; move it away, or "
                "check out the commit that wrote it"
            )

    def days(self) -> list[str]:
        """Days that have records, rising."""
        files = (path for kind in (LINES, TABLE) for path in self.folder.glob(f"????-??-??{kind}"))
        return sorted({path.stem for path in files})

    def read_day(self, day: str) -> pd.DataFrame:
        """The records of a day, in the order in which they were answered."""
        parts = []
        packed, lines = (self.folder / f"{day}{kind}" for kind in (TABLE, LINES))
        if packed.exists():
            try:
                parts.append(pd.read_parquet(packed))
            except (OSError, ValueError) as error:
                raise ArtifactError(f"{packed}: can't be read ({error}); move it away") from error
        if lines.exists():
            parts.append(as_table(read_lines(lines)))
        if not parts:
            return as_table([])
        table = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
        return table.drop_duplicates(ROW_KEYS, ignore_index=True)

    def read(self) -> Iterator[dict[str, Any]]:
        """The records by column, as they were added."""
        for day in self.days():
            yield from by_column(self.read_day(day))


def by_column(table: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """Rows of a table of `COLUMNS`, times in microseconds."""
    columns = [
        (table[name].astype("int64") if name in MICROSECONDS else table[name]).tolist() for name in COLUMNS
    ]
    for values in zip(*columns, strict=True):
        yield dict(zip(COLUMNS, values, strict=True))


class Writer(Records):
    """The one that adds records under `folder`; `open_to_write` makes it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file: Any = None
        self._day, self._until, self._synced = "", 0, 0.0  # until: end of the day, microseconds
        self._newest, self._is_turned = max(self.days(), default=""), False
        for path in folder.glob(f"????-??-??{LINES}"):
            _cut_torn(path)

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Add records, each a value for every column."""
        # Whatever is wrong with them is not the disk's.
        lines = [(record["timestamp"], AS_LINE.encode(record) + "\n") for record in records]
        try:
            for time_us, line in lines:
                # A late candle of yesterday stands among those it came with: their order is what counts.
                if time_us >= self._until:
                    self._turn_to(str(np.datetime64(time_us, "us").astype("datetime64[D]")))
                self._file.write(line.encode())
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise self._full(error) from error

    def keep(self) -> bool:
        """Have the disk hold what is older than a second, and pack days that are over; True: one was packed.

        That takes longer than an answer: it is for the time between two.
        """
        if time.monotonic() - self._synced > SYNC_S:
            self.sync()
        is_due, self._is_turned = self._is_turned, False
        return is_due and self.pack(before=self._day)

    def sync(self) -> None:
        """Have the disk hold all that was added."""
        if self._file is not None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                raise self._full(error) from error
        self._synced = time.monotonic()

    def pack(self, before: str = "9999") -> bool:
        """Pack the days before the day `before`, each that of its first candle; whether there were any."""
        is_any = False
        for path in sorted(self.folder.glob(f"????-??-??{LINES}")):
            if path.stem >= before:
                continue
            if path.stem == self._day:
                self.close()
            write_table(path.with_suffix(TABLE), self.read_day(path.stem))
            path.unlink()
            is_any = True
        return is_any

    def close(self) -> None:
        """Write through and let go of the file."""
        if self._file is not None:
            self.sync()
            self._file.close()
            self._file, self._day, self._until = None, "", 0

    def _full(self, error: OSError) -> ArtifactError:
        what = f"can't be written to: {error.strerror}; answers up to here are kept"
        return ArtifactError(f"{self.folder}: {what}: make room, and begin again")

    def _turn_to(self, day: str) -> None:
        """Write to the lines of `day`, or of the newest day."""
        self.close()
        self._newest = self._day = max(day, self._newest)
        self._is_turned = True
        self._until = int(np.datetime64(self._day, "us").astype(np.int64)) + DAY_US
        self._file = (self.folder / f"{self._day}{LINES}").open("ab")


def _cut_torn(path: Path) -> None:
    """Take off the last line of a file if it has no end."""
    with path.open("rb+") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            file.truncate(end)


@contextmanager
def open_to_write(folder: Path) -> Iterator[Writer]:
    """The writer of `folder`, which no other process has; ArtifactError where it can't be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ArtifactError(f"{folder}: can't be written to: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ArtifactError(
                f"{folder}: another `make live` records there; end it, or name another FOLDER="
            ) from None
        writer = Writer(folder)
        if not (folder / FORMAT).exists():
            write_json(folder / FORMAT, {"version": VERSION})
        try:
            yield writer
        finally:
            writer.close()
    finally:
        os.close(lock)
