"""What is known of the records by now, on disk: a start then reads only those that came after.

It is of the records that it names: the file of each day by its size and time of change, the lines of the
newest day by a hash of those that were read. Where they are others, or bundles, params or code are, or it is
torn, all records are read, which comes to the same. It is written aside and renamed, and holds no pickle.
"""

import hashlib
import json
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.definitions import definitions_hash
from tapeline.errors import ArtifactError
from tapeline.evaluation.live import LiveParams
from tapeline.live.followed import Followed
from tapeline.live.kept import Kept
from tapeline.live.past import HISTORY
from tapeline.live.plain_state import Put, Taken
from tapeline.live.production import Production
from tapeline.live.records import LINES, TABLE, Records, as_table, by_column, records_in
from tapeline.outputs import whole_file
from tapeline.serving.answers import PREDICTED

CHECKPOINT = "checkpoint.npz"
VERSION = 1  # of the file
TEXT = "text"  # its array that names the others
# What is wrong with a file that is torn, or that other code wrote.
UNREADABLE = (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    EOFError,
    zipfile.BadZipFile,
    ArtifactError,
)


@dataclass
class Known:
    """What the records so far have come to.

    n : how many there were; served : labels of the bundles that answered, in the order of their first answer
    predicted : by symbol, open times of the last candles that the present bundles predicted at
    """

    followed: Followed
    kept: Kept
    n: int = 0
    served: dict[str, None] = field(default_factory=dict)
    predicted: dict[str, deque[int]] = field(default_factory=dict)

    @property
    def parts(self) -> dict[str, Any]:
        """All of it by name."""
        return dict(vars(self))

    def note(self, record: Mapping[str, Any], production: Production) -> None:
        """Note by whom a record was answered, and whether `production` predicted at it."""
        self.served.setdefault(record["bundles"])
        if record["status"] == PREDICTED and record["bundles"] == production.label:
            times = self.predicted.setdefault(record["symbol"], deque(maxlen=production.stream.length))
            times.append(record["timestamp"])


def write_checkpoint(folder: Path, production: Production, params: LiveParams, known: Known) -> None:
    """Write what is `known` of all records under `folder`, which the disk holds."""
    account, taken = known.followed.account, Taken(known.parts)
    about = _about(production, params) | {
        "place": _place(folder),
        "first": None if account is None else account.first.value // 1000,
        "state": taken.value,
    }
    text = json.dumps(about, separators=(",", ":")).encode()
    arrays = {f"array_{k}": each for k, each in enumerate(taken.arrays)}
    with whole_file(folder / CHECKPOINT) as aside, aside.open("wb") as file:
        np.savez(file, allow_pickle=False, **{TEXT: np.frombuffer(text, np.uint8)}, **arrays)


def read_checkpoint(
    records: Records,
    production: Production,
    params: LiveParams,
    known: Known,
    say: Callable[[str], None],
) -> Iterator[dict[str, Any]] | None:
    """Put what was written into `known`, which is new; return the records after it.

    None where there is none that is of any use, which is said: `known` is then to be made anew.
    """
    path = records.folder / CHECKPOINT
    if not path.exists():
        if records.days():
            say(f"{path}: is not there; all records are read")
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = [stored[f"array_{k}"] for k in range(len(stored.files) - 1)]
            about = json.loads(stored[TEXT].tobytes())
        for name, value in _about(production, params).items():
            if about[name] != value:
                raise ValueError(f"it is of other {name}")
        rest = _after(records, about["place"])
        trading = production.trading
        if about["first"] is not None and trading is not None:
            first = pd.Timestamp(about["first"], unit="us", tz="UTC").as_unit("us")
            known.followed.account = known.followed.new_account(trading, first)
        for name, value in Put(about["state"], arrays).into(known.parts).items():
            setattr(known, name, value)
    except UNREADABLE as error:
        say(f"{path}: is of no use: {' '.join(str(error).split())}; all records are read")
        return None
    return rest


def _about(production: Production, params: LiveParams) -> dict[str, Any]:
    """What a checkpoint must be of."""
    return {
        "version": VERSION,
        "bundles": production.label,
        "params": params.model_dump(mode="json"),
        "code": definitions_hash({(Followed.__module__, "Followed"), (Taken.__module__, "Taken")}),
    }


def _files(folder: Path) -> dict[str, list[int]]:
    """Size and time of change of every file that records are read from, by name."""
    patterns = f"????-??-??{TABLE}", f"????-??-??{LINES}", HISTORY
    found = {path.name: path.stat() for pattern in patterns for path in sorted(folder.glob(pattern))}
    return {name: [each.st_size, each.st_mtime_ns] for name, each in found.items()}


def _place(folder: Path) -> dict[str, Any]:
    """How far the records under `folder` go by now."""
    files = _files(folder)
    newest = max((name for name in files if name != HISTORY), default="")
    if not newest.endswith(LINES):
        return {"files": files, "lines": None}
    del files[newest]
    content = (folder / newest).read_bytes()
    return {"files": files, "lines": [newest, len(content), hashlib.sha256(content).hexdigest()]}


def _after(records: Records, place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The records that lie behind a place; ValueError where those before it are others by now."""
    folder, known, now = records.folder, place["files"], _files(records.folder)
    name, length, digest = place["lines"] or ("", 0, "")
    for each, of in known.items():
        if now.pop(each, None) != of:
            raise ValueError(f"{each} has changed since")
    content = (folder / name).read_bytes() if now.pop(name, None) else b""
    if name and hashlib.sha256(content[:length]).hexdigest() != digest:
        raise ValueError(f"{name} has changed since")
    newest = max((each for each in (*known, name) if each != HISTORY), default="")[:10]
    before = sorted(each for each in now if each == HISTORY or each[:10] <= newest)
    if before:
        raise ValueError(f"{before[0]} was not there")
    days = sorted({each[:10] for each in now})

    def rest() -> Iterator[dict[str, Any]]:
        yield from by_column(as_table(records_in(folder / name, content[length:])))
        for day in days:
            yield from by_column(records.read_day(day))

    return rest()
