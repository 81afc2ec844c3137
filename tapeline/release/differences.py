"""What is recorded against what is in the project: a line per difference."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from dvc.dependency.param import read_param_file
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.tree import Tree

from tapeline.errors import DataError
from tapeline.promotion.manifest import bundle_id_of
from tapeline.release.locked import FOLDER, Record, RecordedParam, cached_listing, read_manifest
from tapeline.store.feature_store import FeatureStore

Digests = dict[str, str]  # of files, by path; "can't be read: ..." for one that can't

UNREADABLE = "can't be read"


def compare_file(record: Record, digests: Digests, size: int, cache: Path) -> Iterator[str]:
    """Yield a line if the file at `record.path` is not as recorded; `size` is in bytes."""
    if os.path.isdir(record.path):
        yield f"{record.path}: is a folder, expected a file"
    elif not digests:
        yield f"{record.path}: is missing"
    elif digests[record.path] != record.digest:
        yield _describe(record.path, record.algorithm, digests[record.path], record.digest)
    elif record.size not in (None, size):
        yield f"{record.path}: {size} bytes, expected {record.size}"


def compare_folder(record: Record, digests: Digests, size: int, cache: Path) -> Iterator[str]:
    """A line for each file that differs, named by DVC's listing in `cache`; of the folder if there is none.

    digests : digests of all files in the folder, by path from the project's root; `size` their bytes
    """
    if not os.path.isdir(record.path):
        is_file = os.path.exists(record.path)
        yield f"{record.path}: {'is a file, expected a folder' if is_file else 'is missing'}"
        return
    by_name = {Path(file).relative_to(record.path).as_posix(): digest for file, digest in digests.items()}
    digest = _folder_digest(by_name)
    if digest == record.digest:
        if record.size not in (None, size):
            yield f"{record.path}: {size} bytes in all, expected {record.size}"
        return
    listing = cached_listing(cache, record.digest)
    if listing is None:
        for name, file_digest in sorted(by_name.items()):
            if file_digest.startswith(UNREADABLE):
                yield f"{record.path}/{name}: {file_digest}"
        line = _describe(record.path, record.algorithm, digest, record.digest)
        yield f"{line}, in what file is not known: the cache has no listing of it"
        return
    for name in sorted({*by_name, *listing}):
        path = f"{record.path}/{name}"
        if name not in by_name:
            yield f"{path}: is missing"
        elif name not in listing:
            yield f"{path}: is not recorded"
        elif by_name[name] != listing[name]:
            yield _describe(path, record.algorithm, by_name[name], listing[name])


def _folder_digest(digests: Digests) -> str:
    listing = [{"md5": digest, "relpath": name} for name, digest in digests.items()]
    return hashlib.md5(Tree.from_list(listing).as_bytes(), usedforsecurity=False).hexdigest() + FOLDER


def _describe(path: str, algorithm: str, digest: str, expected: str) -> str:
    if digest.startswith(UNREADABLE):
        return f"{path}: {digest}"
    return f"{path}: {algorithm} {digest[:8]}.. expected {expected[:8]}.."


def roles_of(records: Iterable[Record]) -> str:
    """`out of features, dep of splits, evaluate`."""
    by_kind = groupby(sorted(records, key=lambda record: record.kind, reverse=True), lambda r: r.kind)
    roles = []
    for kind, group in by_kind:
        names = [record.source for record in group]
        roles.append(f"{kind} {', '.join([names[0], *(name.removeprefix('of ') for name in names[1:])])}")
    return ", ".join(roles)


def compare_manifest(manifest: Path) -> Iterator[str]:
    """A line per difference of a manifest beside hashes: bundle id, extent of tables, files not recorded."""
    parsed, folder = read_manifest(manifest), manifest.parent
    named = parsed.get("sha256", parsed.get("files", {}))
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path != manifest):
        if path.relative_to(folder).as_posix() not in named:
            yield f"{path}: is not recorded (in {manifest})"
    if "bundle_id" in parsed:
        expected = bundle_id_of(parsed["sha256"], parsed.get("fingerprints", {}))
        if parsed["bundle_id"] != expected:
            yield f"{manifest}: bundle_id {parsed['bundle_id']} expected {expected}, the hash of its hashes"
    for name, entry in parsed.get("files", {}).items():
        try:
            extent = FeatureStore(folder).file_extent(name)
        except DataError:
            continue  # a file that is missing or broken has a line for its hash
        for key, value in extent.items():
            if entry.get(key) != value:
                yield f"{folder / name}: {key} {value} expected {entry.get(key)} (in {manifest})"


def compare_params(params: list[RecordedParam], repo: Repo) -> Iterator[str]:
    """A line for each changed value, with the stages that read it."""
    stages: dict[tuple[str, str, str], list[str]] = {}
    for file, group in groupby(sorted(params, key=lambda param: param.file), lambda param: param.file):
        recorded = list(group)
        now = _read_params(file, [param.key for param in recorded], repo)
        if now is None:
            yield f"{file}: is missing or broken (params of {', '.join({p.stage: 1 for p in recorded})})"
            continue
        for param in recorded:
            current = dict(_leaves(param.key, now[param.key])) if param.key in now else {}
            expected = dict(_leaves(param.key, param.value))
            for key in {**expected, **current}:
                if key not in current or key not in expected or current[key] != expected[key]:
                    difference = (
                        f"is {_text(current, key, 'missing')}, expected {_text(expected, key, 'nothing')}"
                    )
                    stages.setdefault((file, key, difference), []).append(param.stage)
    for (file, key, difference), names in stages.items():
        yield f"{file}: {key} {difference} (param of {', '.join(names)})"


def _read_params(file: str, keys: list[str], repo: Repo) -> dict[str, Any] | None:
    try:
        params: dict[str, Any] = read_param_file(repo.fs, os.path.abspath(file), keys, flatten=True)
    except (OSError, DvcException, AttributeError, TypeError):
        return None
    return params


def _leaves(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, item in value.items():
            yield from _leaves(f"{key}.{name}", item)
    else:
        yield key, value


def _text(values: dict[str, Any], key: str, nothing: str) -> str:
    return json.dumps(values[key], ensure_ascii=False, default=str) if key in values else nothing
