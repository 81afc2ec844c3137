"""A bundle as it was packed at a commit, from DVC's cache or, where that has it not, from the remote."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
            files = DVCFileSystem(str(folder), rev=release.commit)
            files.get((CANDIDATES / artifact).as_posix(), str(target), recursive=True)
            found = verify_bundle(target)["bundle_id"]
        except (DvcException, DataIndexDirError, RemoteMissingDepsError, OSError, ArtifactError) as error:
            shutil.rmtree(target, ignore_errors=True)
            raise ArtifactError(_missing(folder, artifact, release)) from error
        if found != release.record["bundle_id"]:
            raise ArtifactError(f"{release.tag}: holds bundle {found}, and its tag says another")
        yield target


def _missing(folder: Path, artifact: str, release: Release) -> str:
    with Repo(str(folder)) as repo:
        name = repo.config["core"].get("remote")
        url = repo.config["remote"].get(name, {}).get("url") if name else None
    where = f"nor in remote {name} ({url})" if name else "and there is no remote to pull it from"
    return (
        f"{artifact} {release.version}: its files are not in DVC's cache, {where}; "
        "`dvc push --all-tags` where they are"
    )
