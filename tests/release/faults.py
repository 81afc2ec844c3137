"""Commands that change production, killed or starved at each of their steps, in copies of a small project.

`python -m tests.release.faults SHOP` answers jobs: see tests/faulting.py.
"""

import hashlib
import importlib
import shutil
import sys
import tempfile
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

from tapeline.ending import run_command
from tapeline.models.table import ARTIFACTS
from tapeline.outputs import write_json
from tapeline.promotion.change import JOURNAL, carry_out, one_at_a_time
from tapeline.promotion.production import FOLDERS, bundle_in
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.promotion.versions import Version
from tapeline.release import promoting
from tests import faulting

NAMES = (
    "promote",
    "rollback",
    "restore",
    "registry",
    "predict",
    "verify",
    "withdraw",
    "shadow",
    "check_release",
)
COMMANDS = {name: importlib.import_module(f"commands.{name}") for name in NAMES}
LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"


def promote_two() -> None:
    """The change of a promotion of two models, as `make promote` makes it once every gate has been judged."""
    plans = []
    for name in (LSTM, TRANSFORMER):
        release = Registry(Path(), ARTIFACTS).releases[name][-1]
        record = release.record.model_copy(update={"version": "v2.0.0", "why": "of the harness"})
        bundle_id = bundle_in(Path("models/candidate") / name)
        plans.append(promoting.Plan(name, Version(2, 0, 0), "w", bundle_id, record, ""))
    with one_at_a_time(Path(), ARTIFACTS, print):
        carry_out(Path(), ARTIFACTS, *promoting.changes(plans))


COMMANDS["promote_two"] = SimpleNamespace(main=promote_two)


def run(folder: Path, command: list[str], number: int = 0, fault: str = "") -> dict:
    """Run a command in a process of its own, faulted at a step; 0: at none."""
    main = partial(run_command, COMMANDS[command[0]].main)
    return faulting.run(folder, main, command, number, fault)


def state(folder: Path) -> dict:
    """Tags and files of production and shadow, but for when the tags were made."""
    names = [str(path) for path in FOLDERS.values()]
    files = [path for name in names for path in sorted((folder / name).rglob("*")) if path.is_file()]
    shown = {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return {
        "tags": git(folder, "for-each-ref", "--format=%(refname) %(*objectname) %(contents)", "refs/tags"),
        "files": {path: digest for path, digest in shown.items() if "/." not in path},
    }


def inconsistency(folder: Path) -> str:
    """What lies in production or in the shadow and is not what the tags say; empty if nothing is."""
    registry = Registry(folder, ARTIFACTS)
    for environment, place in FOLDERS.items():
        for artifact in ARTIFACTS:
            release = registry.in_environment(artifact, environment)
            there, lies = bundle_in(folder / place / artifact), (folder / place / artifact).exists()
            if there != (release.record.bundle_id if release else None) or (lies and not release):
                return f"{place}/{artifact} is {there}, and the tags say {release and release.tag}"
    index, anew = folder / "models/registry.json", folder / "anew.json"
    write_json(anew, registry.index())
    if index.exists() and index.read_bytes() != anew.read_bytes():
        return "models/registry.json is not of the tags"
    return "a journal is left" if (folder / ".git" / JOURNAL).exists() else ""


def prepare(shop: Path, folder: Path, command: str) -> None:
    """A copy of `shop` as `command` finds it."""
    shutil.copytree(shop, folder, symlinks=True)
    if command == "restore":  # has to have something to do
        (folder / "models/promoted" / LSTM / "model.onnx").write_bytes(b"x")
        shutil.rmtree(folder / "models/promoted" / TRANSFORMER)
    if command == "promote_two":
        date = "2026-01-01T00:00:00Z"
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        git(folder, "commit", "-q", "--allow-empty", "-m", "another run", **dates)


@cache
def undisturbed(shop: Path, *command: str) -> tuple[dict, dict, int]:
    """States before and after a command that nothing disturbs, and its number of steps."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        prepare(shop, folder, command[0])
        before = state(folder)
        ended = run(folder, list(command))
        assert ended["status"] == 0, ended
        return before, state(folder), len(ended["steps"])


def job(shop: Path, command: list[str], number: int, fault: str, following: list[str]) -> dict:
    """Fault a command, run the next one, and say what is wrong; `number` 0 says how many steps there are."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        before, after, steps = undisturbed(shop, *command)
        if number == 0:
            return {"steps": steps}
        prepare(shop, folder, command[0])
        faulted = run(folder, command, number, fault)
        left = (folder / ".git" / JOURNAL).exists()
        healed = run(folder, following)
        found, wrong = state(folder), ""
        if command[0] == "restore":  # brings each model back by itself
            said = run(folder, ["restore"])["said"]
            found, wrong = state(folder), "" if state(folder) == after else said
        elif found not in (before, after):
            wrong = "neither before nor after"
        wrong = wrong or inconsistency(folder)
        for ending in (faulted, healed):
            if "Traceback" in ending["said"]:
                wrong = "a traceback"
        if left and not any(word in healed["said"] for word in ("taken back", "finished")):
            wrong = wrong or "healed without a word"
        outcome = "before" if found == before else "after"
        return {"wrong": wrong, "outcome": outcome, "said": [faulted["said"], healed["said"]]} | {
            "status": faulted["status"]
        }


if __name__ == "__main__":
    faulting.answer(partial(job, Path(sys.argv[1])))
