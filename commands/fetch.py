"""A bundle as it was packed at a commit, from DVC's cache or, where that has it not, from the remote."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc_data.index import DataIndexDirError
from dvc_objects.fs.errors import RemoteMissingDepsError

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
            # A remote may have been added after that commit: it is today's that counts.
            files = DVCFileSystem(str(folder), rev=release.commit, config=remotes(folder))
            files.get((CANDIDATES / artifact).as_posix(), str(target), recursive=True)
            found = verify_bundle(target)["bundle_id"]
        except (DvcException, DataIndexDirError, RemoteMissingDepsError, OSError, ArtifactError) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise ArtifactError(_missing(folder, artifact, release)) from error
        if found != release.record["bundle_id"]:
            raise ArtifactError(f"{release.tag}: holds bundle {found}, and its tag says another")
        yield target


def remotes(folder: Path) -> dict[str, Any]:
    """Return the part of the repository's configuration that says where its remotes are."""
    with Repo(str(folder)) as repo:
        config = repo.config
        found: dict[str, Any] = {"remote": dict(config["remote"])}
        return found | ({"core": {"remote": name}} if (name := config["core"].get("remote")) else {})


def _missing(folder: Path, artifact: str, release: Release) -> str:
    found = remotes(folder)
    name = found.get("core", {}).get("remote")
    where = f"nor in remote {name} ({found['remote'][name]['url']})" if name else "and there is no remote"
    return (
        f"{artifact} {release.version}: its files are not in DVC's cache, {where}; "
        "`dvc push --all-tags` where they are"
    )
