"""The files that a table lies in: one for each UTC month in a folder of its name, or a single one for all.

A month without a row has no file, so a file that is lost is seen by the manifest alone, which lists them.
"""

import json
import posixpath
import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from tapeline.errors import DataError
from tapeline.store.remote import reached
from tapeline.store.row_groups import filled_groups, one_line, readable
from tapeline.store.table_schema import TIMESTAMP

MANIFEST = "manifest.json"
SUFFIX = ".parquet"
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])\.parquet")
AGAIN = "`dvc checkout` brings it back, or the stage makes it again"


@dataclass(frozen=True)
class TableFile:
    """One file of a table: `where` it is, for messages, its `path` in the filesystem.

    month : `YYYY-MM` of its rows, None where it holds all of them
    """

    where: str
    path: str
    month: str | None


def table_files(filesystem: Any, path: str, where: str, is_listed: bool = True) -> list[TableFile]:
    """The files of the table at `path`, by month; FileNotFoundError where nothing is there.

    where : names the table in messages; is_listed : whether the manifest, where there is one, must list them
    DataError names a file that is missing, foreign or not listed.
    """
    with reached(where):
        if not _is_folder(filesystem.info(path)):
            return [TableFile(where, path, None)]
        listing = filesystem.ls(path, detail=False)
    paths = {
        posixpath.basename(each.rstrip("/")): each for each in listing if each.strip("/") != path.strip("/")
    }
    names = sorted(name for name in paths if name and name[0] not in "._")
    _require_months(names, where)
    root, _, table = path.rpartition("/")
    manifest = (
        {}
        if not is_listed
        else read_manifest(
            filesystem, f"{root}/{MANIFEST}" if root else MANIFEST, f"{where.rpartition('/')[0]}/{MANIFEST}"
        )
    )
    _require_listed(names, months_listed(manifest, table), where)
    if not names:
        raise DataError(where, f"is a folder that holds no month of the table; {AGAIN}")
    return [TableFile(f"{where}/{name}", paths[name], name.removesuffix(SUFFIX)) for name in names]


def months_listed(manifest: dict[str, Any], table: str) -> list[str]:
    """Names of the month files of `table`, as SYMBOL.parquet, that a manifest lists."""
    return [
        name.removeprefix(f"{table}/") for name in manifest.get("files", {}) if name.startswith(f"{table}/")
    ]


def read_manifest(filesystem: Any, path: str, where: str) -> dict[str, Any]:
    """What lies beside tables: of each file under `files` its sha256 and bytes; empty where there is none."""
    try:
        with reached(where):
            manifest = json.loads(filesystem.cat_file(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(where, f"not readable: {one_line(error)}") from error
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise DataError(where, "is no manifest of tables: it has no files")
    return manifest


@contextmanager
def opened(
    filesystem: Any, file: TableFile, metadata: pq.FileMetaData | None = None
) -> Iterator[pq.ParquetFile]:
    """Yield `file`, open, its footer read unless its `metadata` is known; FileNotFoundError if it is gone."""
    with ExitStack() as stack:
        with readable(file.where):
            # Uncached, only the asked ranges come over the wire; Arrow joins those that are near.
            source = stack.enter_context(filesystem.open(file.path, "rb", cache_type="none"))
            parquet = stack.enter_context(pq.ParquetFile(source, metadata=metadata, pre_buffer=True))
        if metadata is None:
            _require_own_month(file, parquet)
        yield parquet


def _is_folder(info: dict[str, Any]) -> bool:
    # A web server sends its listing of a folder as a page.
    return info["type"] == "directory" or str(info.get("mimetype", "")).startswith("text/html")


def _require_months(names: Collection[str], where: str) -> None:
    for name in names:
        if not MONTH.fullmatch(name):
            message = "is no month of the table, whose files are named YYYY-MM.parquet; move it elsewhere"
            raise DataError(f"{where}/{name}", message)


def _require_listed(names: Collection[str], listed: Collection[str], where: str) -> None:
    for name in sorted({*listed} - {*names}):
        raise DataError(f"{where}/{name}", f"is not there, and {MANIFEST} lists it; {AGAIN}")
    for name in sorted({*names} - {*listed}) if listed else ():
        raise DataError(f"{where}/{name}", f"is none of the files that {MANIFEST} lists; move it elsewhere")


def _require_own_month(file: TableFile, parquet: pq.ParquetFile) -> None:
    """Raise DataError where rows are of another month than the file's name says, as in a copy."""
    column = parquet.schema_arrow.get_field_index(TIMESTAMP)
    if file.month is None or column < 0:
        return
    for group in filled_groups(parquet):
        statistics = parquet.metadata.row_group(group).column(column).statistics
        for time in (statistics.min, statistics.max) if statistics else ():
            month = f"{pd.Timestamp(time):%Y-%m}"
            if month != file.month:
                raise DataError(file.where, f"holds rows of {month}, and is named after another month")
