"""Records of a run's files: in dvc.lock, in .dvc files and in manifests."""

import hashlib
import json
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tapeline.errors import DataError
from tapeline.params import not_yaml

LOCK = "dvc.lock"
TRACKED = Path("data/raw"), Path("models")  # where users' .dvc files are: of candles, of a training's start
FOLDER = ".dir"  # suffix of DVC's hash of a folder, which is that of its listing


@dataclass(frozen=True)
class Record:
    """A recorded file or folder, and where it is recorded.

    path : relative to the project's root
    kind, source : where: `out` or `dep` `of STAGE`, or `in` a manifest or .dvc file
    algorithm : of `digest`, as DVC names it
    size : bytes, of a folder those of all its files; None where it is not recorded
    """

    path: str
    kind: str
    source: str
    algorithm: str
    digest: str
    size: int | None

    @property
    def is_folder(self) -> bool:
        """Whether the record is of a folder."""
        return self.digest.endswith(FOLDER)


@dataclass(frozen=True)
class RecordedParam:
    """Value of a dotted `key` of the params file when `stage` ran."""

    file: str
    key: str
    stage: str
    value: Any


def read_stages(lock: Path) -> dict[str, dict[str, Any]]:
    """Entries of dvc.lock by stage; DataError if it is no lock file."""
    return _stages(_yaml(lock), lock)


def parse_stages(text: str, where: str) -> dict[str, dict[str, Any]]:
    """Entries of a dvc.lock given as `text`, which is called `where` in errors."""
    try:
        return _stages(YAML(typ="safe").load(text), where)
    except YAMLError as error:
        raise DataError(where, not_yaml(error, text)) from error


def _stages(parsed: Any, lock: Path | str) -> dict[str, dict[str, Any]]:
    if not isinstance(parsed, dict) or not isinstance(parsed.get("stages"), dict):
        raise DataError(lock, "is no lock file: it has no stages")
    for name, entry in parsed["stages"].items():
        try:
            list(stage_records(name, entry)), list(stage_params(name, entry))
        except (AttributeError, KeyError, TypeError) as error:
            raise DataError(lock, f"is no lock file: stage {name} is broken") from error
    stages: dict[str, dict[str, Any]] = parsed["stages"]
    return stages


def stage_records(name: str, entry: dict[str, Any]) -> Iterator[Record]:
    """Deps and outs of one stage's entry in dvc.lock."""
    for kind in ("dep", "out"):
        for item in entry.get(f"{kind}s", ()):
            yield _dvc_record(item["path"], kind, f"of {name}", item)


def stage_params(name: str, entry: dict[str, Any]) -> Iterator[RecordedParam]:
    """Params of one stage's entry in dvc.lock, each of its keys."""
    for file, values in entry.get("params", {}).items():
        for key, value in values.items():
            yield RecordedParam(file, key, name, value)


def tracked_records(folder: Path) -> Iterator[Record]:
    """Outs of every .dvc file under `folder`."""
    for path in sorted(folder.rglob("*.dvc")):
        if not path.is_file():
            continue
        parsed = _yaml(path)
        if not isinstance(parsed, dict) or not isinstance(parsed.get("outs"), list):
            raise DataError(path, "is no .dvc file: it has no outs")
        base = posixpath.join(path.parent.as_posix(), parsed.get("wdir", "."))
        for item in parsed["outs"]:
            yield _dvc_record(posixpath.normpath(posixpath.join(base, item["path"])), "in", str(path), item)


def manifest_records(manifest: Path) -> list[Record]:
    """Files named by a manifest, of the feature store or of a bundle; DataError if it is neither."""
    parsed = read_manifest(manifest)
    hashes: Any = parsed["sha256"] if "sha256" in parsed else parsed.get("files")
    try:
        entries = {
            name: item if isinstance(item, dict) else {"sha256": item} for name, item in hashes.items()
        }
        return [
            Record(str(manifest.parent / name), "in", str(manifest), "sha256", str(item["sha256"]), size)
            for name, item in entries.items()
            for size in [item.get("bytes")]
        ]
    except (AttributeError, KeyError) as error:
        raise DataError(manifest, "is no manifest: it has no hashes of files") from error


def read_manifest(manifest: Path) -> dict[str, Any]:
    """The parsed manifest; DataError if it is no JSON object."""
    try:
        parsed = json.loads(manifest.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(manifest, f"is no manifest: {' '.join(str(error).split())}") from error
    if not isinstance(parsed, dict):
        raise DataError(manifest, "is no manifest: it has no hashes of files")
    return parsed


def cached_listing(cache: Path, digest: str) -> dict[str, str] | None:
    """The md5 of every file of a folder by its path in it, from DVC's cache; None if it is not whole."""
    try:
        content = (cache / digest[:2] / digest[2:]).read_bytes()
    except OSError:
        return None
    if hashlib.md5(content, usedforsecurity=False).hexdigest() + FOLDER != digest:
        return None
    return {entry["relpath"]: entry["md5"] for entry in json.loads(content)}


def _dvc_record(path: str, kind: str, source: str, item: dict[str, Any]) -> Record:
    # Before DVC 3 an entry did not name its algorithm, an md5 of text with Unix line ends.
    algorithm = item.get("hash", "md5-dos2unix")
    return Record(path, kind, source, algorithm, item.get("md5", ""), item.get("size"))


def _yaml(path: Path) -> Any:
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return YAML(typ="safe").load(text)
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise DataError(path, not_yaml(error, text)) from error
