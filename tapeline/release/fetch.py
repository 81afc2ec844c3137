"""A bundle as it was packed at a commit, from DVC's cache or, if it is not there, from the remote."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.api import DVCFileSystem
from dvc.repo import Repo

from tapeline.errors import ArtifactError
from tapeline.promotion.bundle import verify_bundle
from tapeline.promotion.production import CANDIDATES
from tapeline.promotion.registry import Release


@contextmanager
def fetched(folder: Path, artifact: str, release: Release) -> Iterator[Path]:
    """Yield a folder with the verified bundle of `release`, gone afterwards, or raise ArtifactError."""
    (folder / ".dvc/tmp").mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder / ".dvc/tmp") as temporary:
        target = Path(temporary) / artifact
        try:
            # A remote may have been added after that commit, so today's configuration is used.
            files = DVCFileSystem(str(folder), rev=release.commit, config=remotes(folder))
            files.get((CANDIDATES / artifact).as_posix(), str(target), recursive=True)
            bundle_id = verify_bundle(target).bundle_id
        except Exception as error:  # each kind of storage has errors of its own
            shutil.rmtree(target, ignore_errors=True)
            raise ArtifactError(_missing(folder, artifact, release, error)) from error
        if bundle_id != release.record.bundle_id:
            raise ArtifactError(f"{release.tag}: holds bundle {bundle_id}, and its tag says another")
        yield target


def remotes(folder: Path) -> dict[str, Any] | None:
    """DVC's configuration of the default remote; None without one."""
    with Repo(str(folder)) as repo:
        name = repo.config["core"].get("remote")
        # Without a default, DVC is to find its own way to the cache: a configuration without one misleads it.
        return {"core": {"remote": name}, "remote": dict(repo.config["remote"])} if name else None


def _missing(folder: Path, artifact: str, release: Release, error: Exception) -> str:
    configuration = remotes(folder)
    name = configuration["core"]["remote"] if configuration else ""
    where = "and there is no remote"
    if configuration:
        where = f"nor to be had from remote {name} ({configuration['remote'][name]['url']})"
    reason = " ".join(str(error).split())
    return (
        f"{artifact} {release.version}: its files are not in DVC's cache, {where}: {reason}; "
        "`dvc push --all-commits` where they are (what is older than the remote: dvc remote add --local)"
    )
