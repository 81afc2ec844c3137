"""Does anything read a file while features are built? Candles are all that they may be made of."""

import os
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import pyarrow.parquet as pq

from tapeline.quality.ledger import History
from tapeline.quality.report import Audit, Leak

EVENTS = frozenset({"open", "sqlite3.connect", "socket.connect", "subprocess.Popen"})
# What Python, Numba and the calendar read for themselves, once.
CODE = (".py", ".pyc", ".so", ".nbi", ".nbc", ".pyd", ".dll")
SYSTEM = ("/dev/", "/proc/", "/sys/", "/etc/", "/usr/")
Block = TypeVar("Block")
_watching: list[tuple[int, list["Opened"]]] = []  # by thread


class Opened(tuple[str, tuple[tuple[str, str], ...]]):
    """A file, and who was at work: module and name of every function, the innermost first."""

    __slots__ = ()


@contextmanager
def files_opened() -> Iterator[list[Opened]]:
    """Collect files, connections and processes that this thread opens in the block, but for code's own."""
    _listen()
    found: list[Opened] = []
    watched = threading.get_ident(), found
    _watching.append(watched)
    try:
        # Arrow opens files beneath Python.
        with _told(pq.ParquetFile), _told(pq.ParquetDataset):
            yield found
    finally:
        _watching.remove(watched)


def watched(blocks: Iterator[Block], opened: list[Opened]) -> Iterator[Block]:
    """Pass `blocks` on, and add to `opened` what is opened while each is made, but not between them."""
    while True:
        with files_opened() as found:
            block = next(blocks, None)
        opened += found
        if block is None:
            return
        yield block


def audit_files(opened: list[Opened], features: dict[tuple[str, str], str], history: History) -> Audit:
    """A leak of each feature that opened a file; `features` names them by module and function."""
    leaks: dict[str, str] = {}
    for path, callers in opened:
        name = next((features[caller] for caller in callers if caller in features), "the table")
        leaks.setdefault(name, path)
    stamp = str(history.times[0].astype("datetime64[us]").astype("datetime64[s]")) + "Z"
    return Audit(
        history.symbol,
        "files",
        len(history.candles),
        tuple(Leak(history.symbol, f"{name}, by {path},", stamp, 0, 1) for name, path in leaks.items()),
    )


@cache
def _listen() -> None:
    """Hear of what is opened from now on; Python takes no hook back."""
    sys.addaudithook(_note)


def _note(event: str, args: tuple[Any, ...]) -> None:
    if not _watching or event not in EVENTS:
        return
    path = _shown(args[0] if event != "socket.connect" else args[1])
    if event == "open" and _is_harmless(path):
        return
    frame, callers = sys._getframe(1), []
    while frame is not None:
        callers.append((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        frame = frame.f_back  # type: ignore[assignment]
    for thread, found in _watching:
        if thread == threading.get_ident():
            found.append(Opened((path, tuple(callers))))


def _shown(path: Any) -> str:
    try:
        return os.fsdecode(path)
    except TypeError:
        return str(path)  # a descriptor, an address


def _is_harmless(path: str) -> bool:
    if path.isdigit() or path.endswith(CODE) or "__pycache__" in path or path.startswith(SYSTEM):
        return True
    roots = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    whole = Path(path).absolute()
    return any(whole.is_relative_to(root) for root in roots)


def _told(reader: Any) -> Any:
    """Let `reader` tell Python's audit what it is made with."""
    make = reader.__init__

    def tell(self: Any, source: Any, *rest: Any, **more: Any) -> None:
        sys.audit("open", source if isinstance(source, str | bytes) else str(source), "rb", 0)
        make(self, source, *rest, **more)

    return patch.object(reader, "__init__", tell)
