"""A run checked before it is promoted: made again from raw candles and weights, and replayed.

Beside it predictions of every fold are computed anew from the stored models, by other code than the run's.

What was checked once is not paid for again: a record of it lies in git's own folder beside the tags, under
the hash of every byte that it was about. Whoever can write there can write a release's tag.
"""

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

from tapeline.documents import Document
from tapeline.errors import ArtifactError
from tapeline.outputs import whole_file
from tapeline.params import Params
from tapeline.promotion.production import CANDIDATES
from tapeline.promotion.release_record import Recheck, Replay
from tapeline.promotion.repository import git, git_folder
from tapeline.release.copies import kept_by_dvc
from tapeline.release.rerun import STAGES, TRAINED, Rerun
from tapeline.splits.candidate import read_candidate

KEPT = "tapeline.rechecked"  # in git's folder
TOOK = re.compile(r"done in ([0-9.]+) s$")


class Checked(Document):
    """What a check of a run came to."""

    recheck: Recheck
    replay: Replay


def check_run(root: Path, params: Params, tell: Callable[[str], None]) -> Checked:
    """Check the committed run in the current folder, or return what was found of these very bytes before.

    ArtifactError names the first file and value, or row, that differs. `tell` is called with the cost before
    it is paid, and on the way.
    """
    content = content_hash(root)
    kept = _kept_folder(root) / content
    if kept.is_file():
        tell(f"the run was made again and replayed before, and every byte of it is as then: {content}")
        return Checked.read_file(kept)
    checked = check_anew(root, params, content, tell)
    keep(root, checked)
    return checked


def check_anew(root: Path, params: Params, content: str, tell: Callable[[str], None]) -> Checked:
    """Check the committed run in the current folder, whatever was checked before."""
    # Imported here: they take torch and onnxruntime, and a run that was checked before waits for neither.
    from tapeline.release.fold_predictions import check_folds
    from tapeline.release.replay import replay

    seconds = took(root)
    cost = "" if seconds is None else f", which took {seconds:.0f} s one after the other"
    tell(f"the run is made again in copies but for its weights ({', '.join(STAGES)}{cost}), and replayed:")
    rerun = Rerun(root, tell)
    try:
        candidate = read_candidate(params)
        replayed = replay(CANDIDATES, candidate, params, tell)
        compared = check_folds(candidate, params, tell)
        made = rerun.result()
    finally:
        rerun.stop()
    recheck = Recheck(
        files=made.files, rounded=made.rounded, content=content, predictions=compared.rows, of=compared.of,
        largest_difference=compared.largest_difference,
    )  # fmt: skip
    return Checked(recheck=recheck, replay=replayed)


def content_hash(root: Path) -> str:
    """Hash of the commit's files and of every file that DVC keeps, all of their bytes."""
    whole = hashlib.sha256(git(root, "rev-parse", "HEAD^{tree}").strip().encode())
    for name in kept_by_dvc(root):
        try:
            with (root / name).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise ArtifactError(f"{name}: can't be read ({error.strerror}); run `dvc repro`") from error
        whole.update(f"\n{name} {digest}".encode())
    return whole.hexdigest()[:32]


def keep(root: Path, checked: Checked) -> None:
    """Keep what a check came to, so that these very bytes need no other."""
    with whole_file(_kept_folder(root) / checked.recheck.content) as aside:
        aside.write_text(json.dumps(checked.plain(), indent=2) + "\n", encoding="utf-8")


def took(root: Path) -> float | None:
    """Seconds that the stages took in this clone, as their logs say; None where one has no log."""
    total = 0.0
    for stage in STAGES:
        if stage in TRAINED:
            continue
        log = root / "logs" / f"{stage}.log"
        found = TOOK.search(log.read_text(errors="replace").rstrip()) if log.is_file() else None
        if found is None:
            return None
        total += float(found[1])
    return total


def _kept_folder(root: Path) -> Path:
    return git_folder(root) / KEPT
