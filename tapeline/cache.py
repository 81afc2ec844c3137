"""What was computed before, kept by a hash of all that it was computed from; git-ignored, in no hash itself.

An entry is a file and a record of its sha256. It is copied, never linked: what DVC takes over it may change.
One whose bytes are not those of its record is removed and made anew. With a cold cache the same bytes come
out, later.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tapeline.closure import ROOT, import_closure
from tapeline.outputs import whole_file

CACHE = Path(".cache")
LOCK = Path("requirements.lock")
BLOCK = 4096  # bytes that an entry takes beside its content
KEPT = 4  # times the bytes that a run has used; what is longest unused goes first


@dataclass(frozen=True)
class Entry:
    """What was found: the `sha256` of the file, and what was noted of it when it was made."""

    key: str
    sha256: str
    facts: dict[str, Any]


@dataclass
class Cache:
    """Entries of one `kind`, under `folder`; `damaged` are the keys of those that were removed."""

    kind: str
    folder: Path = CACHE
    damaged: list[str] = field(default_factory=list)

    def take(self, key: str, path: Path) -> Entry | None:
        """Copy the file kept under `key` to `path`; None where there is none, or a damaged one."""
        file, record = self._paths(key)
        try:
            noted = json.loads(record.read_bytes())
            content = file.read_bytes()
            entry = Entry(key, str(noted["sha256"]), dict(noted["facts"]))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            self._remove_damaged(key)
            return None
        if hashlib.sha256(content).hexdigest() != entry.sha256:
            self._remove_damaged(key)
            return None
        with whole_file(path) as aside:
            aside.write_bytes(content)
        with suppress(OSError):
            os.utime(record)  # when it was used last
        return entry

    def keep(self, key: str, path: Path, facts: Mapping[str, Any]) -> Entry:
        """Keep a copy of the file at `path`; a cache that can't be written is none."""
        return self._keep(key, path.read_bytes(), facts)

    def note(self, key: str) -> None:
        """Keep that there was something under `key`, with no file."""
        self._keep(key, b"", {})

    def is_noted(self, key: str) -> bool:
        """Whether `key` was noted."""
        file, record = self._paths(key)
        try:
            is_whole = file.read_bytes() == b"" and "sha256" in json.loads(record.read_bytes())
        except (OSError, ValueError, TypeError):
            return False
        with suppress(OSError):
            os.utime(record)
        return is_whole

    def _keep(self, key: str, content: bytes, facts: Mapping[str, Any]) -> Entry:
        entry = Entry(key, hashlib.sha256(content).hexdigest(), dict(facts))
        file, record = self._paths(key)
        with suppress(OSError):
            with whole_file(file) as aside:
                aside.write_bytes(content)
            with whole_file(record) as aside:
                aside.write_text(json.dumps({"sha256": entry.sha256, "facts": entry.facts}))
        return entry

    def prune(self, used: Iterable[str]) -> None:
        """Remove what is longest unused, beyond KEPT times the bytes of the entries `used` in this run."""
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

    def _paths(self, key: str) -> tuple[Path, Path]:
        file = self.folder / self.kind / key[:2] / key
        return file, file.with_name(f"{key}.json")

    def _remove_damaged(self, key: str) -> None:
        self.damaged.append(key)
        self._remove(key)

    def _remove(self, key: str) -> None:
        for path in reversed(self._paths(key)):
            with suppress(OSError):
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
