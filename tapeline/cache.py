"""What was computed before, kept by a hash of all that it was computed from; git-ignored, in no hash itself.

An entry is a file and a record of its sha256. It is copied, never linked: what DVC takes over it may change.
One whose bytes are not those of its record is removed and made anew. With a cold cache the same bytes come
out, later.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tapeline.closure import ROOT, import_closure
from tapeline.outputs import whole_file

CACHE = Path(".cache")
LOCK = Path("requirements.lock")
BLOCK = 4096  # bytes that an entry takes beside its content
KEPT = 4  # times the bytes that a run has used; what is longest unused goes first
LONGEST_WRITE = 3600  # seconds; what is half written and older was left by a run that was killed
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Entry:
    """What was found: the `sha256` of the file, and what was noted of it when it was made."""

    key: str
    sha256: str
    facts: dict[str, Any]


@dataclass
class Cache:
    """Entries of one `kind`, under `folder`; `used` are the keys asked for, `damaged` those removed."""

    kind: str
    folder: Path = CACHE
    damaged: list[str] = field(default_factory=list)
    used: list[str] = field(default_factory=list)

    def take(self, key: str, path: Path) -> Entry | None:
        """Copy the file kept under `key` to `path`; None where there is none, or a damaged one."""
        if (found := self._read(key)) is None:
            return None
        entry, content = found
        with whole_file(path) as aside:
            aside.write_bytes(content)
        return entry

    def keep(self, key: str, path: Path, facts: Mapping[str, Any]) -> Entry:
        """Keep a copy of the file at `path`; a cache that can't be written is none."""
        return self._keep(key, path.read_bytes(), facts)

    def note(self, key: str, facts: Mapping[str, Any] = NOTHING) -> None:
        """Keep that there was something under `key`, and `facts` of it, with no file."""
        self._keep(key, b"", facts)

    def noted(self, key: str) -> dict[str, Any] | None:
        """The facts noted under `key`; None where it was not noted."""
        found = self._read(key)
        return None if found is None else found[0].facts

    def prune(self, used: Iterable[str]) -> None:
        """Remove what is longest unused, beyond KEPT times the bytes of the entries `used` in this run.

        What a killed run left half written goes, too, once no process can be at it any more.
        """
        used = set(used)
        entries = []
        for record in (self.folder / self.kind).glob("*/*.json"):
            with suppress(OSError):
                size = BLOCK + self._paths(record.stem)[0].stat().st_size
                entries.append((record.stem in used, record.stat().st_mtime, record.stem, size))
        left = KEPT * sum(size for is_used, _, _, size in entries if is_used)
        for _, _, key, size in sorted(entries, reverse=True):
            left -= size
            if left < 0:
                self._remove(key)
        self._remove_half_written()

    def _read(self, key: str) -> tuple[Entry, bytes] | None:
        """What is kept under `key`; None where nothing is, and where it was damaged, which is removed."""
        self.used.append(key)
        file, record = self._paths(key)
        if not self.folder.is_dir():
            return None
        with suppress(ValueError, KeyError, TypeError, RecursionError):
            try:
                noted = json.loads(record.read_bytes())
                content = file.read_bytes()
            except FileNotFoundError:
                return None
            except OSError as error:
                raise ValueError from error
            entry = Entry(key, hashlib.sha256(content).hexdigest(), dict(noted["facts"]))
            if noted == _record(entry):
                with suppress(OSError):
                    os.utime(record)  # when it was used last
                return entry, content
        self.damaged.append(key)
        self._remove(key)
        return None

    def _keep(self, key: str, content: bytes, facts: Mapping[str, Any]) -> Entry:
        entry = Entry(key, hashlib.sha256(content).hexdigest(), dict(facts))
        file, record = self._paths(key)
        with suppress(OSError):
            with whole_file(file) as aside:
                aside.write_bytes(content)
            with whole_file(record) as aside:
                aside.write_text(json.dumps(_record(entry)))
        return entry

    def _remove_half_written(self) -> None:
        """Remove files without a record, records without a file, and what was being written aside."""
        last = time.time() - LONGEST_WRITE
        for path in (self.folder / self.kind).glob("*/*"):
            file, record = self._paths(path.name.removesuffix(".json"))
            with suppress(OSError):
                if not (file.exists() and record.exists()) and path.stat().st_mtime < last:
                    _remove_path(path)

    def _paths(self, key: str) -> tuple[Path, Path]:
        file = self.folder / self.kind / key[:2] / key
        return file, file.with_name(f"{key}.json")

    def _remove(self, key: str) -> None:
        file, record = self._paths(key)
        for folder in (file.parent.parent, file.parent):
            if folder.exists() and not folder.is_dir():
                _remove_path(folder)
        for path in (record, file):
            _remove_path(path)


def damaged_lines(count: int) -> list[str]:
    """What there is to tell where `count` entries were damaged."""
    return [f"{count} of what was kept in {CACHE} were damaged: they were computed anew"] if count else []


def _record(entry: Entry) -> dict[str, Any]:
    """What stands beside a file: its hash, what was noted of it, and the hash of both."""
    noted = {"sha256": entry.sha256, "facts": entry.facts}
    return noted | {"noted": key_of(json.dumps(noted, sort_keys=True))}


def _remove_path(path: Path) -> None:
    """Remove a file, or a folder in its place, if that can be done."""
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@cache
def code_key(script: Path) -> str:
    """Hash of the code that running `script` may import, and of the versions of all packages."""
    digest = hashlib.sha256()
    for path in [*sorted(import_closure(script)), LOCK]:
        digest.update(f"{path.as_posix()}\0".encode())
        digest.update((ROOT / path).read_bytes())
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """Hash of what an entry is made from, each told by its `str`."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()
