"""One change of the registry: tags and bundles together, whole or not at all, whatever is killed whenever.

A journal says beforehand which tags will be made and which bundle comes where. Bundles are staged and
verified, then the tags are made, then bundles are renamed into place. A change of which all tags exist is
finished by whoever finds its journal; of any other, what was made is taken back.
"""

import fcntl
import os
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tapeline.documents import Document
from tapeline.errors import ArtifactError
from tapeline.promotion.production import INDEX, bring_back, put_in_place, stage_bundle, sweep, write_index
from tapeline.promotion.repository import git_folder
from tapeline.promotion.tags import PendingTag, create_tag, date_for, delete_tags, made

JOURNAL = "tapeline.unfinished"  # in git's folder
PATIENCE_S = 10.0  # how long one who only reads waits for a change that is under way
Tell = Callable[[str], None]


class Destination(Document):
    """Which bundle comes to `place`, a folder relative to the project; None: the place is cleared.

    was_empty : whether nothing was there before
    """

    place: str
    bundle_id: str | None
    was_empty: bool


class Journal(Document):
    """What a change is about to do."""

    tags: tuple[PendingTag, ...] = ()
    bundles: tuple[Destination, ...] = ()

    @property
    def title(self) -> str:
        """What it is called in messages: its tags, or the places whose files it mends."""
        return ", ".join([tag.name for tag in self.tags] or [each.place for each in self.bundles])


@dataclass(frozen=True)
class Delivery:
    """A bundle for `place`, copied from `source`; without them the place is cleared."""

    place: Path
    source: Path | None = None
    bundle_id: str | None = None


@contextmanager
def one_at_a_time(
    folder: Path, artifacts: Collection[str], tell: Tell, patience_s: float = 0
) -> Iterator[None]:
    """Hold the repository's lock, after finishing or taking back what was cut off.

    ArtifactError if another command still holds it after `patience_s` seconds.
    """
    with (git_folder(folder) / "tapeline.lock").open("a") as file:
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise ArtifactError(
                        "another promotion or rollback is running; wait for its end"
                    ) from None
            time.sleep(0.05)
        _recover(folder, artifacts, tell)
        yield


def settle(folder: Path, artifacts: Collection[str], tell: Tell) -> None:
    """Finish or take back what was cut off, for those who only read; nothing is written if nothing was."""
    if (folder / ".git").exists() and (git_folder(folder) / JOURNAL).exists():
        with one_at_a_time(folder, artifacts, tell, PATIENCE_S):
            pass


def carry_out(
    folder: Path, artifacts: Collection[str], tags: Collection[PendingTag], deliveries: Collection[Delivery]
) -> None:
    """Make `tags` and bring the bundles into place, or leave everything as it was; under the lock."""
    bundles = [
        Destination(
            place=str(each.place),
            bundle_id=each.bundle_id,
            was_empty=not (folder / each.place).exists(),
        )
        for each in deliveries
    ]
    journal, path = Journal(tags=tuple(tags), bundles=tuple(bundles)), git_folder(folder) / JOURNAL
    _write(path, journal)
    try:
        for each in deliveries:
            if each.source is not None and each.bundle_id is not None:
                stage_bundle(folder / each.place, each.source, each.bundle_id)
        date = date_for(folder, tags)
        for tag in tags:
            create_tag(folder, tag, date)
        for each in deliveries:
            put_in_place(folder / each.place, each.bundle_id)
        write_index(folder, artifacts)
    except BaseException as fault:
        try:
            _take_back(folder, artifacts, journal)
            path.unlink()
        except (ArtifactError, OSError) as error:  # the journal stays, and the next command goes by it
            fault.add_note(f"not all was taken back: {error}; the next command does")
        raise
    path.unlink()
    sweep(folder, artifacts)


def _recover(folder: Path, artifacts: Collection[str], tell: Tell) -> None:
    path = git_folder(folder) / JOURNAL
    if path.exists():
        try:
            journal = Journal.read_file(path)
        except ArtifactError as error:
            os.replace(path, path.with_suffix(".unreadable"))
            tell(f"{error}; set aside, and nothing was taken back: `make restore` goes by the tags alone")
            return
        existing = made(folder, journal.tags)
        if len(existing) == len(journal.tags):
            _finish(folder, journal, tell)
        else:
            _take_back(folder, artifacts, journal)
            tell(f"{journal.title}: of a change that was cut off, taken back")
        write_index(folder, artifacts)
        path.unlink()
    sweep(folder, artifacts)


def _finish(folder: Path, journal: Journal, tell: Tell) -> None:
    tell(f"{journal.title}: of a change that was cut off, finished")
    for each in journal.bundles:
        if not put_in_place(folder / each.place, each.bundle_id):
            tell(f"{each.place}: its files are not whole; `make restore` brings them back")


def _take_back(folder: Path, artifacts: Collection[str], journal: Journal) -> None:
    # Tags first: as long as one of them is missing, whoever goes on takes back, too.
    delete_tags(folder, made(folder, journal.tags))
    for each in journal.bundles:
        bring_back(folder / each.place, each.bundle_id, each.was_empty)
    if (folder / INDEX).exists():
        with suppress(OSError):  # a full disk leaves the index as it was, which is right
            write_index(folder, artifacts)


def _write(path: Path, journal: Journal) -> None:
    """Write the journal whole, through to the disk: it has to be there before anything that it names."""
    aside = path.with_suffix(".partial")
    with aside.open("w", encoding="utf-8") as file:
        file.write(journal.model_dump_json(indent=1))
        file.flush()
        os.fsync(file.fileno())
    os.replace(aside, path)
