"""Stages and commands that write files, killed or starved at each of their steps, in copies of a tiny run.

`python -m tests.stages.faults SHOP` answers jobs, and makes as much of the run as they need: see
tests/faulting.py.
"""

import hashlib
import importlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from tapeline.checks.deps import write_deps
from tapeline.ending import run_command
from tapeline.stage import run_stage
from tests.faulting import answer, run

STAGES = (
    "ingest", "features", "expectations", "splits", "train_lstm", "train_transformer", "evaluate", "promote",
    "latency",
)  # fmt: skip
# What commands write, in the order of `make`; `deps` writes beside itself, which is not the copy.
COMMANDS = {
    "report": ("reports/data.html", "reports/index.html"),
    "runs": ("runs/index.csv", "trials.jsonl"),
    "docs": ("docs/features.md", "docs/candles.md", "docs/params.md"),
    "deps": ("dvc.yaml",),
}
VARIES = ("metrics/latency.json", "metrics/detail/latency.json")  # by nature, from run to run
FORMER = b"former\n"
HASHES: dict[tuple[int, int, int], str] = {}
Places = dict[str, Any]


@cache
def entry(name: str) -> Callable[[], None]:
    """What `python -m` runs for a stage or a command."""
    if name == "deps":
        return partial(run_command, partial(write_deps, Path("dvc.yaml")))
    if name in COMMANDS:
        return partial(run_command, importlib.import_module(f"commands.{name}").main)
    return partial(run_stage, name, importlib.import_module(f"stages.{name}").main)


@cache
def outputs(shop: Path, name: str) -> tuple[str, ...]:
    """Files and folders that a stage or a command writes."""
    if name in COMMANDS:
        return COMMANDS[name]
    stage = yaml.safe_load((shop / "dvc.yaml").read_text())["stages"][name]
    listed = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, ())]
    return tuple(out if isinstance(out, str) else next(iter(out)) for out in listed)


@cache
def make(shop: Path, name: str) -> None:
    """Run the stages up to `name` in `shop`, or those that a command reads; in order, each once."""
    needed = STAGES if name in ("report", "runs") else STAGES[: STAGES.index(name)] if name in STAGES else ()
    for stage in needed:
        make(shop, stage)
    if name in STAGES:
        ended = run(shop, entry(name), [name])
        assert ended["status"] == 0, ended["said"]


def content(path: Path, root: Path) -> Any:
    """The file at `path` by its hash, a folder by those of its files, None where nothing is."""
    if path.is_dir():
        return {file.name: content(file, root) for file in sorted(path.iterdir())}
    if not path.exists():
        return None
    if str(path.relative_to(root)) in VARIES and (written := path.read_bytes()) != FORMER:
        return list(json.loads(written))  # whole, or not to be parsed
    told = path.stat()
    key = told.st_ino, told.st_mtime_ns, told.st_size
    if key not in HASHES:  # read once, however many copies share it
        HASHES[key] = hashlib.sha256(path.read_bytes()).hexdigest()
    return HASHES[key]


def tree(folder: Path) -> dict[str, Any]:
    """All of a project but logs and events, which tell of every run, and what git and DVC keep."""
    skipped = ("logs", ".git", "__pycache__")
    found: dict[str, Any] = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in skipped]
        for name in files:
            path = Path(parent, name)
            inside = str(path.relative_to(folder))
            if inside.startswith(".dvc/tmp/"):
                found[inside] = "there"
            elif not inside.startswith("runs/") or inside == "runs/index.csv":
                found[inside] = content(path, folder)
        for name in folders:
            found[os.path.relpath(os.path.join(parent, name), folder) + "/"] = "there"
    return found


def prepare(shop: Path, folder: Path, name: str) -> None:
    """A copy of the run in which the outputs of `name` are a former run's, which nothing is equal to.

    Files are shared: whatever writes into one instead of replacing it spoils the run, as `job` sees.
    """
    shutil.copytree(
        shop,
        folder,
        copy_function=os.link,
        ignore=shutil.ignore_patterns("__pycache__", "logs", "runs", "tmp"),
    )
    for out in outputs(shop, name):
        path = folder / out
        files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
        if path.is_dir():
            files.append(path / "former")
        for file in files:
            file.parent.mkdir(parents=True, exist_ok=True)
            before = file.read_text() if out == "dvc.yaml" else ""
            file.unlink(missing_ok=True)
            if out == "dvc.yaml":  # a dependency is missing
                file.write_text(before.replace("      - tapeline/outputs.py\n", "", 1))
            elif out != "trials.jsonl":  # is added to
                file.write_bytes(FORMER)


def places(shop: Path, folder: Path, name: str) -> Places:
    """What lies at each output of `name`."""
    return {out: content(folder / out, folder) for out in outputs(shop, name)}


@cache
def undisturbed(shop: Path, name: str) -> tuple[Places, Places, dict[str, Any], list[str]]:
    """Outputs before and after, the whole copy after, and the steps, where nothing disturbs."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        prepare(shop, folder, name)
        before = places(shop, folder, name)
        ended = run(folder, entry(name), [name])
        assert ended["status"] == 0, ended["said"]
        return before, places(shop, folder, name), tree(folder), ended["steps"]


def job(shop: Path, name: str, number: int, fault: str) -> dict[str, Any]:
    """Fault a writer at a step, run it again, and say what is wrong; `number` 0 lists its steps."""
    make(shop, name)
    made = tree(shop)
    before, after, whole, steps = undisturbed(shop, name)
    if number == 0:
        return {"steps": steps}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        prepare(shop, folder, name)
        faulted = run(folder, entry(name), [name], number, fault)
        wrong = []
        try:
            found = places(shop, folder, name)
        except ValueError as error:
            found, wrong = {}, [f"half a file: {error}"]
        wrong += [f"{out} is torn" for out in found if found[out] not in (None, before[out], after[out])]
        again = run(folder, entry(name), [name])
        if again["status"]:
            wrong.append("does not run again")
        elif tree(folder) != whole:
            now = tree(folder)
            wrong.append(f"differs after: {[k for k in now | whole if now.get(k) != whole.get(k)]}")
        if "Traceback" in faulted["said"] + again["said"]:
            wrong.append("a traceback")
        if faulted["status"] == 0 and found != after:
            wrong.append("ended well with half of its files")
        if tree(shop) != made:
            wrong.append("wrote into a file that another has")
    outcome = {"before": before, "after": after}
    return {
        "wrong": "; ".join(wrong),
        "outcome": next((word for word, all_of in outcome.items() if found == all_of), "between"),
        "status": faulted["status"],
        "said": [faulted["said"], again["said"]] if wrong else [],
    }


if __name__ == "__main__":
    answer(partial(job, Path(sys.argv[1])))
