"""A bundle as it was packed at a commit, from DVC's cache or, if it is not whole there, from the remote."""

import hashlib
import os
import shlex
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.api import DVCFileSystem
from dvc.repo import Repo

from tapeline.ending import without_secrets
from tapeline.errors import ArtifactError, DataError
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.production import CANDIDATES
from tapeline.promotion.registry import Release
from tapeline.promotion.repository import git
from tapeline.release.locked import FOLDER, LOCK, cached_listing, parse_stages, stage_records

TEMPORARY = "tapeline-"  # then the id of the process whose it is


@contextmanager
def fetched(folder: Path, artifact: str, release: Release) -> Iterator[Path]:
    """Yield a folder with the verified bundle of `release`, gone afterwards, or raise ArtifactError.

    A file that is damaged in DVC's cache would hide the remote's: it is removed, and fetched anew.
    """
    temporaries = folder / ".dvc/tmp"
    temporaries.mkdir(parents=True, exist_ok=True)
    _sweep(temporaries)
    with TemporaryDirectory(prefix=f"{TEMPORARY}{os.getpid()}-", dir=temporaries) as temporary:
        target = Path(temporary) / artifact
        try:
            bundle_id = _get(folder, artifact, release, target)
        except Exception as error:  # each kind of storage has errors of its own
            shutil.rmtree(target, ignore_errors=True)
            damaged = _damaged(folder, artifact, release)
            if not damaged or remotes(folder) is None:
                raise ArtifactError(_missing(folder, artifact, release, error, damaged)) from error
            bundle_id = _get_anew(folder, artifact, release, target, damaged)
        if bundle_id != release.record.bundle_id:
            raise ArtifactError(f"{release.tag}: holds bundle {bundle_id}, and its tag says another")
        yield target


def remotes(folder: Path) -> dict[str, Any] | None:
    """DVC's configuration of the default remote; None without one."""
    with Repo(str(folder)) as repo:
        name = repo.config["core"].get("remote")
        # Without a default, DVC is to find its own way to the cache: a configuration without one misleads it.
        return {"core": {"remote": name}, "remote": dict(repo.config["remote"])} if name else None


def _get(folder: Path, artifact: str, release: Release, target: Path) -> str:
    """Copy the bundle to `target`; return its id after verifying it."""
    # A remote may have been added after that commit, so today's configuration is used.
    files = DVCFileSystem(str(folder), rev=release.commit, config=remotes(folder))
    files.get((CANDIDATES / artifact).as_posix(), str(target), recursive=True)
    return verify_bundle(target).bundle_id


def _get_anew(folder: Path, artifact: str, release: Release, target: Path, damaged: list[Path]) -> str:
    try:
        for path in damaged:
            path.unlink()
        return _get(folder, artifact, release, target)
    except Exception as error:
        shutil.rmtree(target, ignore_errors=True)
        raise ArtifactError(_missing(folder, artifact, release, error, damaged)) from error


def _damaged(folder: Path, artifact: str, release: Release) -> list[Path]:
    """Files of the bundle in DVC's cache whose content is not what their name says."""
    with Repo(str(folder)) as repo:
        cache = Path(repo.cache.local.path)
    try:
        lock = parse_stages(git(folder, "show", f"{release.commit}:{LOCK}"), f"{release.tag}: {LOCK}")
    except (ArtifactError, DataError):
        return []
    records = [record for name, entry in lock.items() for record in stage_records(name, entry)]
    packed = {r.digest for r in records if r.kind == "out" and CANDIDATES.as_posix() in r.path and r.digest}
    listings = {digest: cached_listing(cache, digest) for digest in packed if digest.endswith(FOLDER)}
    damaged = [cache / digest[:2] / digest[2:] for digest, listing in listings.items() if listing is None]
    digests = {md5 for listing in listings.values() if listing for md5 in listing.values()}
    files = [cache / md5[:2] / md5[2:] for md5 in sorted(digests | {d for d in packed if d not in listings})]
    damaged += [path for path in files if path.is_file() and _md5(path) != path.parent.name + path.name]
    return [path for path in damaged if path.exists()]


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _sweep(temporaries: Path) -> None:
    """Remove what processes that are gone have left."""
    for path in temporaries.glob(f"{TEMPORARY}*-*"):
        process = path.name.removeprefix(TEMPORARY).split("-")[0]
        if process.isdecimal() and not _runs(int(process)):
            shutil.rmtree(path, ignore_errors=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        pass
    return True


def _missing(folder: Path, artifact: str, release: Release, error: Exception, damaged: list[Path]) -> str:
    configuration = remotes(folder)
    name = configuration["core"]["remote"] if configuration else ""
    state = f"are damaged in DVC's cache ({damaged[0].name})" if damaged else "are not in DVC's cache"
    where = "and there is no remote"
    if configuration:
        where = f"nor to be had from remote {name} ({configuration['remote'][name]['url']})"
    line = (
        f"{artifact} {release.version}: its files {state}, {where}: {' '.join(str(error).split())}; "
        f"{_next_step(folder, release, configuration)}"
    )
    return without_secrets(line, configuration["remote"][name] if configuration else {})


def _next_step(folder: Path, release: Release, configuration: dict[str, Any] | None) -> str:
    """The push to ask for, and of whom.

    DVC pushes what a tag holds to the remote of the tag's own commit, and resolves a relative path of it from
    the root of the disk; what `--local` names counts for every commit.
    """
    tagger = f"refs/tags/{release.tag}"
    try:
        whom = git(folder, "for-each-ref", "--format=%(taggername)", tagger).strip()
    except ArtifactError:
        whom = ""
    person = f"{whom}, who tagged it," if whom else "whoever tagged it"
    name, url = "storage", "URL"
    if configuration:
        name = configuration["core"]["remote"]
        url = configuration["remote"][name]["url"]
    add = f"dvc remote add --local --force --default {shlex.quote(name)} {shlex.quote(url)}"
    push = f"dvc push --all-tags {CANDIDATES.as_posix()}"
    here = "" if configuration else f", then here `{add} && make restore`"
    return f"ask {person} to run `{add} && {push}` in the clone that has them{here}"
