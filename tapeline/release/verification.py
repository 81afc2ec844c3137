"""Hash everything anew and name what differs from dvc.lock, .dvc files, manifests and params.yaml.

DVC itself trusts a file whose size and time are as it last saw them. This reads every byte.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.hashfile.hash import fobj_md5
from tqdm import tqdm
from tqdm.utils import CallbackIOWrapper

from tapeline.errors import DataError
from tapeline.release.differences import (
    UNREADABLE,
    compare_file,
    compare_folder,
    compare_manifest,
    compare_params,
    roles_of,
)
from tapeline.release.locked import (
    LOCK,
    TRACKED,
    Record,
    manifest_records,
    read_stages,
    stage_params,
    stage_records,
    tracked_records,
)

FEATURES = Path("data/features/manifest.json")
BUNDLES = "models/candidate/*/manifest.json"


@dataclass
class Verification:
    """Differences, a line each, paths that could not be checked, and how much was hashed."""

    differences: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    n_files: int = 0
    n_bytes: int = 0


def verify() -> Verification:
    """Compare the project in the current folder with all that is recorded; DataError without dvc.lock."""
    if not Path(LOCK).is_file():
        raise DataError(LOCK, "is not there: run `dvc repro` first")
    with Repo(".") as repo:
        return _verify(repo)


def _verify(repo: Repo) -> Verification:
    verdict, stages = Verification(), read_stages(Path(LOCK))
    try:
        defined = _defined_stages(repo)
    except DvcException as error:  # of dvc.yaml or params.yaml: the files are checked all the same
        defined = {*stages}
        verdict.differences.append(f"DVC says: {' '.join(str(error).split())}")
    not_in_both = [f"dvc.yaml: stage {name} is not in {LOCK}" for name in defined - {*stages}]
    not_in_both += [f"{LOCK}: stage {name} is not in dvc.yaml" for name in {*stages} - defined]
    verdict.differences += sorted(not_in_both)
    entries = {name: entry for name, entry in stages.items() if name in defined}
    manifests = [path for path in (FEATURES, *sorted(Path().glob(BUNDLES))) if path.is_file()]
    records = [record for name, entry in entries.items() for record in stage_records(name, entry)]
    records += [record for folder in TRACKED for record in tracked_records(folder)]
    for path in manifests:
        try:
            records += manifest_records(path)
        except DataError as error:
            verdict.differences.append(str(error))
        else:
            verdict.differences += compare_manifest(path)
    _check_files(records, repo, verdict)
    params = [param for name, entry in entries.items() for param in stage_params(name, entry)]
    verdict.differences += compare_params(params, repo)
    return verdict


def _defined_stages(repo: Repo) -> set[str]:
    # Those of .dvc files have no name in dvc.yaml; tracked_records reads them.
    return {stage.name for stage in repo.index.stages if hasattr(stage, "name")}


def _check_files(records: list[Record], repo: Repo, verdict: Verification) -> None:
    """Hash the files of all records, each once per algorithm, then compare every record with them."""
    merged: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if not record.digest or "://" in record.path:
            verdict.not_checked.append(f"{record.path} ({record.kind} {record.source})")
        else:
            merged.setdefault((record.path, record.algorithm, record.digest), []).append(record)
    files_of = {path: _files_in(path, repo) for path, _, _ in merged}
    by_algorithm = {
        algorithm: sorted({file for path, name, _ in merged if name == algorithm for file in files_of[path]})
        for algorithm in sorted({algorithm for _, algorithm, _ in merged})
    }
    sizes = {file: os.path.getsize(file) for files in by_algorithm.values() for file in files}
    hashes = _hash_all(by_algorithm, sizes)
    verdict.n_files, verdict.n_bytes = len(sizes), sum(sizes.values())
    for (_, algorithm, _), group in merged.items():
        compare = compare_folder if group[0].is_folder else compare_file
        digests = {file: hashes[algorithm, file] for file in files_of[group[0].path]}
        size = sum(sizes[file] for file in digests)
        lines = compare(group[0], digests, size, Path(repo.cache.local.path))
        verdict.differences += [f"{line} ({roles_of(group)})" for line in lines]


def _files_in(path: str, repo: Repo) -> list[str]:
    """The file itself, or all files in the folder that .dvcignore does not leave out."""
    if not os.path.isdir(path):
        return [path] if os.path.isfile(path) else []
    files = repo.dvcignore.find(repo.fs, os.path.abspath(path))
    return [os.path.relpath(file) for file in files]


def _hash_all(by_algorithm: dict[str, list[str]], sizes: dict[str, int]) -> dict[tuple[str, str], str]:
    """Digest of each file by algorithm and path, in as many threads as there are processors."""
    jobs = [(algorithm, file) for algorithm, files in by_algorithm.items() for file in files]
    total = sum(sizes[file] for _, file in jobs)
    with (
        tqdm(total=total, unit="B", unit_scale=True, desc="hashing", disable=None) as bar,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        return dict(zip(jobs, pool.map(partial(_hash, bar), jobs), strict=True))


def _hash(bar: "tqdm[NoReturn]", job: tuple[str, str]) -> str:
    algorithm, path = job
    try:
        with open(path, "rb") as file:
            read = cast(
                "BinaryIO", CallbackIOWrapper(bar.update, file)
            )  # delegates all other methods to `file`
            digest: str = fobj_md5(read, name=algorithm)
    except OSError as error:  # a bad disk must not keep the other files from being reported
        return f"{UNREADABLE}: {error.strerror}"
    return digest
