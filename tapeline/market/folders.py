"""Where a symbol's files lie, what lies beside them, and the checksum files among that."""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from tapeline.errors import DataError
from tapeline.market.formats import FORMATS, extension_of, stem_of
from tapeline.market.names import natural_key
from tapeline.market.texts import is_table

N_LISTED = 20  # names in an error message
NOTES = (".", "__macosx", "readme", "license", "thumbs.db", "desktop.ini")  # how their names begin
SUMS = (".CHECKSUM", ".sha256", ".sha256sum")  # behind the name of the file that they are of
NOTE_ENDINGS = (".dvc", ".md", *(ending.lower() for ending in SUMS))
N_BEGINNING = 4096  # bytes of a text that show whether it is a table


class SymbolFiles(NamedTuple):
    """Files of a symbol in natural order of names, and how many others beside them were passed over."""

    files: list[Path]
    n_passed_over: int


def find_files(root: Path, symbol: str) -> SymbolFiles:
    """Find the files of `symbol`, which lie in one place: its folder or bare, under root or an exchange."""
    if not root.is_dir():
        is_what = "a file" if root.exists() else "not there"
        raise DataError(root, f"data.path must be a folder of candles, and is {is_what}")
    exchanges = [folder for folder in _visible(root) if folder.is_dir() and folder.name != symbol]
    places = {}
    for folder in [root, *exchanges]:
        if (folder / symbol).is_dir():
            places[folder / symbol] = [folder / symbol]
        if bare := [path for path in _visible(folder) if not path.is_dir() and stem_of(path) == symbol]:
            places[bare[0]] = bare
    if not places:
        raise DataError(root, f"no candles of {symbol}; there {_list_names(root, exchanges)}")
    if len(places) > 1:
        raise DataError(
            root, f"{symbol} is there more than once: {', '.join(map(str, places))}; set data.path to one"
        )
    place, paths = places.popitem()
    files, others = _walk(paths, set())
    if not files:
        raise DataError(place, "holds no candle file")
    for path in files:
        if path.is_symlink() and not path.exists():
            raise DataError(path, "is a link that leads nowhere or to itself")
        if not path.is_file() or extension_of(path) is None:
            raise DataError(path, f"is no candle file; known are {FORMATS}")
    return SymbolFiles(files, len(others))


def check_sum(path: Path) -> bool:
    """Compare the file at `path` with the SHA-256 in a file beside it; False where there is none."""
    for ending in SUMS:
        beside = path.with_name(path.name + ending)
        if beside.is_file() and (declared := re.search(rb"\b[0-9a-fA-F]{64}\b", beside.read_bytes())):
            digest, expected = hashlib.sha256(path.read_bytes()).hexdigest(), declared[0].decode().lower()
            if digest != expected:
                raise DataError(
                    path, f"its sha256 is {digest}, and {beside.name} says {expected}; fetch both again"
                )
            return True
    return False


def _walk(paths: list[Path], seen: set[Path]) -> tuple[list[Path], list[Path]]:
    """Return the files at and below `paths`, and those that are notes; no folder is walked twice."""
    files: list[Path] = []
    notes: list[Path] = []
    for path in paths:
        if path.is_dir() and path.resolve() not in seen:
            seen.add(path.resolve())
            below, beside = _walk([p for p in _list(path) if not _is_hidden(p)], seen)
            hidden = [p for p in _list(path) if _is_hidden(p) and not _is_ours(p)]
            files, notes = files + below, notes + beside + hidden
        elif not path.is_dir():
            (notes if _is_text_note(path) else files).append(path)
    return files, notes


def _list(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), key=lambda path: (natural_key(path.name), path.name))
    except OSError as error:
        raise DataError(folder, f"can't be read: {error.strerror}") from error


def _visible(folder: Path) -> list[Path]:
    return [path for path in _list(folder) if not _is_hidden(path)]


def _is_hidden(path: Path) -> bool:
    name = path.name.lower()
    return name.startswith(NOTES) or name.endswith(NOTE_ENDINGS)


def _is_ours(path: Path) -> bool:
    """Whether DVC or git put `path` there, for the project's own sake."""
    return path.name == ".gitignore" or path.suffix == ".dvc"


def _is_text_note(path: Path) -> bool:
    if path.suffix.lower() != ".txt" or not path.is_file():
        return False
    with path.open("rb") as file:
        try:
            return not is_table(file.read(N_BEGINNING))
        except ValueError:
            return False  # reading it will say what is wrong


def _list_names(root: Path, exchanges: list[Path]) -> str:
    """Say what lies under `root` and one level below, for the person who mistyped a symbol."""
    below = [path for folder in exchanges for path in _visible(folder)]
    paths = [path for path in _visible(root) if path not in exchanges] + (below or exchanges)
    names = [str(path.relative_to(root)) for path in paths]
    more = f" and {len(names) - N_LISTED} more" if len(names) > N_LISTED else ""
    return "is " + (", ".join(names[:N_LISTED]) + more if names else "nothing")
