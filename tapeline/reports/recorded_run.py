"""A run as a commit, a tag or an experiment has it, or as it lies here: read, nothing is checked out."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

import pandas as pd
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.scm import resolve_rev
from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tapeline.errors import ArtifactError
from tapeline.promotion.release_record import RunRecord
from tapeline.promotion.repository import git
from tapeline.reports.changes import SUMMARY, leaves

WORKING_TREE = "the working tree"
PROMOTION = "metrics/detail/promotion.json"
Table = TypeVar("Table")


@dataclass(frozen=True)
class RecordedRun:
    """One run. name : as it was asked for; what : commit, day and subject, or that it is not committed"""

    name: str
    what: str
    files: AbstractFileSystem

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Figures by NAME of metrics/NAME.json, without the summary, which repeats them."""
        paths = sorted(self.files.ls("metrics", detail=False))
        names = [Path(path).stem for path in paths if path.endswith(".json")]
        return {name: self.json(f"metrics/{name}.json") for name in names if name != Path(SUMMARY).stem}

    def params(self) -> dict[str, Any]:
        """Values of params.yaml by dotted key, lists whole."""
        try:
            return leaves(YAML(typ="safe").load(self._content("params.yaml")))
        except YAMLError as error:
            raise ArtifactError(f"params.yaml of {self.name}: {' '.join(str(error).split())}") from error

    def record(self) -> RunRecord:
        """What was packed, and every gate."""
        content = self._content(PROMOTION)
        return RunRecord.read(content, f"{PROMOTION} of {self.name}: can't be read")

    def json(self, path: str) -> dict[str, Any]:
        """A file of JSON; MissingFileError is one that can't be had."""
        values: dict[str, Any] = json.loads(self._content(path))
        return values

    def csv(self, path: str) -> pd.DataFrame:
        """A table of `plots/`; MissingFileError is one that can't be had."""
        return self._read(path, lambda file: pd.read_csv(file))

    def parquet(self, path: str, columns: list[str]) -> pd.DataFrame:
        """Columns of a table of Parquet, one file or a folder; MissingFileError is one that can't be had."""
        try:
            is_folder = self.files.isdir(path)
            parts = sorted(self.files.ls(path, detail=False)) if is_folder else [path]
        except (OSError, DvcException) as error:
            raise MissingFileError(self, path) from error
        tables = [self._read(part, lambda file: pd.read_parquet(file, columns=columns)) for part in parts]
        return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)

    def missing(self, paths: Iterable[str]) -> str:
        """One line on files that can't be had, and what brings them."""
        files = ", ".join(paths)
        if self.name == WORKING_TREE:
            return f"{files}: not there; `dvc repro` makes what is missing"
        return (
            f"{files} of {self.name}: neither in git nor in DVC's cache; "
            "`dvc fetch --all-commits` brings what was pushed"
        )

    def _content(self, path: str) -> bytes:
        return self._read(path, lambda file: file.read())

    def _read(self, path: str, read: Callable[[BinaryIO], Table]) -> Table:
        try:
            with self.files.open(path, "rb") as file:
                return read(cast(BinaryIO, file))
        except (OSError, ValueError, DvcException) as error:
            raise MissingFileError(self, path) from error


class MissingFileError(ArtifactError):
    """A file of a run that can't be had."""

    def __init__(self, run: RecordedRun, path: str) -> None:
        self.run, self.path = run, path
        super().__init__(run.missing([path]))


def open_run(revision: str = "", folder: Path | str = ".") -> RecordedRun:
    """The run at `revision`, a commit, tag, branch or experiment; without one, the run that lies here.

    ArtifactError says that there is no such revision, or that it has no run.
    """
    if not revision:
        run = RecordedRun(WORKING_TREE, "not looked up in git", LocalFileSystem())
        if not Path(SUMMARY).is_file():
            raise ArtifactError(f"{SUMMARY} is not there: run `dvc repro` first, or name both runs")
        return run
    try:
        with Repo(str(folder)) as repo:
            commit = resolve_rev(repo.scm, revision)
        files = DVCFileSystem(str(folder), rev=commit)
        files.info(SUMMARY)  # unlike `exists`, which takes an interrupt for a file that is not there
    except FileNotFoundError as error:
        raise ArtifactError(f"{revision}: has no {SUMMARY}, so no run was committed there") from error
    except DvcException as error:
        raise ArtifactError(
            f"{revision}: {' '.join(str(error).split())}; `git log`, `git tag` and `dvc exp list` name them"
        ) from error
    what = git(Path(folder), "log", "-1", "--format=%h, %cs, %s", commit).strip()
    return RecordedRun(revision, what, files)
