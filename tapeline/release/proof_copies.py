"""Copies of the project in which its own commands run on candles that were written for them.

All copies of a proof share one copy of the sources, so that kernels are compiled once, from these sources.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from tapeline.backtest.signals import SignalParams
from tapeline.compiled import copy_kernels
from tapeline.errors import ProofError
from tapeline.extra import Extra
from tapeline.models.table import NETWORKS
from tapeline.outputs import write_json, write_table
from tapeline.params import Params
from tapeline.release.proof_extra import own_params, write_extras
from tapeline.schema import Interval, Source

SOURCES = ("tapeline", "stages", "requirements.lock")  # the last is of the keys of what is kept in .cache/
RUNNER = "tapeline.release.proof_runner"  # never imported here: it takes torch
FOLD = "fold_0"  # of a copy, whose splits hold one fold
ACCOUNTS = Path("accounts")  # in a copy
TRAININGS = *(f"train_{model.name}" for model in NETWORKS), "train_baselines"  # stages
PROOFS, KERNELS = Path(".proofs"), "kernels"  # git-ignored; kernels of these very sources, compiled before
RAW = Path("data/raw/PROOF")
# What would make a copy's command another process's than its own.
FOREIGN = ("DVC_ROOT", "DVC_EXP_NAME", "PYTHONPATH", "RANK", "LOCAL_RANK", "WORLD_SIZE", "TAPELINE_LOG_LEVEL")
FEW = {"evaluation": {"resamples": 100}, "ftmo": {"odds_paths": 100, "control_runs": 1}}
PASSED = "metrics/detail/expectations.json"  # that splits asks for; candles drawn anew are not judged again
Changes = Mapping[str, Mapping[str, Any]]
Tables = Mapping[str, pd.DataFrame]


@dataclass
class Copies:
    """Copies under a temporary `folder`, made of the project at `root`; `on_run` is called after each run."""

    root: Path
    folder: Path
    runner: "Runner"
    on_run: Callable[[], object] = lambda: None

    def make(
        self, name: str, candles: Tables, changes: Changes | None = None, extras: Sequence[Extra] = ()
    ) -> "Copy":
        """A copy `name`, in place of an earlier one, with `candles` as files and `changes` of params.

        extras : inputs beyond candles, one of each that the run has
        """
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for source in SOURCES:
            (folder / source).symlink_to(self.folder / "sources" / source)
        params = Params.read(self.root / "params.yaml")
        interval = params.value("data.interval", Interval)
        for symbol, table in candles.items():
            write_table(folder / RAW / symbol / f"{interval}.parquet", table)
        write_extras(folder, extras)
        self._link_start(folder, params.value("train.start_from", str))
        write_json(folder / PASSED, {"passed": True})
        copy = Copy(self, folder)
        copy.set_params(changes or {})
        return copy

    def _link_start(self, folder: Path, start: str) -> None:
        """Let a copy in `folder` begin with the bundles that the run began with: no candle changes them."""
        link = folder / start
        link.parent.mkdir(parents=True, exist_ok=True)
        if not link.exists():
            link.symlink_to((self.root / start).resolve())


@dataclass(frozen=True)
class Copy:
    """One copy, in which commands run."""

    copies: Copies
    folder: Path

    def set_params(self, changes: Changes) -> None:
        """Write params.yaml: the run's, resolved, with `changes`."""
        text = (self.copies.root / "params.yaml").read_text(encoding="utf-8")
        (self.folder / "params.yaml").write_text(resolved_params(text, changes), encoding="utf-8")

    def run(self, *steps: str) -> None:
        """Run `steps` in order, in one process; ProofError with the last line that it said if one fails."""
        log = self.folder / f"{steps[0]}.log"
        status = self.copies.runner.run(self.folder, steps, log)
        if status:
            lines = (
                log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
                if log.is_file()
                else []
            )
            said = lines[-1] if lines else f"ended with status {status}"
            raise ProofError(f"in a copy of the project, on candles made for the proof: {said}")
        self.copies.on_run()


class Runner:
    """One process that runs steps in copies, each in a child of its own; made of the sources in `folder`."""

    def __init__(self, folder: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self._process = subprocess.Popen(
            [sys.executable, "-m", RUNNER], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment | {"PYTHONHASHSEED": "0", "DVC_NO_ANALYTICS": "1"}, start_new_session=True,
            stderr=(folder / "runner.log").open("wb"),
        )  # fmt: skip
        self._log, self._lock, self._jobs = folder / "runner.log", Lock(), list[Future[int]]()
        Thread(target=self._listen, daemon=True).start()

    @property
    def process_id(self) -> int:
        """Of the process, and of the group that all it starts is in."""
        return self._process.pid

    def run(self, folder: Path, steps: Sequence[str], log: Path) -> int:
        """Run `steps` in `folder` and wait for their end; return the exit status."""
        with self._lock:
            job = {"number": len(self._jobs), "folder": str(folder), "steps": list(steps), "log": str(log)}
            future: Future[int] = Future()
            self._jobs.append(future)
            assert self._process.stdin is not None
            try:
                self._process.stdin.write(json.dumps(job).encode() + b"\n")
                self._process.stdin.flush()
            except BrokenPipeError:
                self._fail()
        return future.result()

    def end(self) -> None:
        """End it and whatever it still runs."""
        with suppress(ProcessLookupError):
            os.killpg(self.process_id, signal.SIGKILL)
        self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            number, status = json.loads(line)
            self._jobs[number].set_result(status)
        self._fail()

    def _fail(self) -> None:
        """Let whoever waits know that no job will end any more, and why."""
        why = last_line(self._log) or "it was killed"
        for job in self._jobs:
            if not job.done():
                job.set_exception(ProofError(f"what runs the copies has ended: {why}"))


@contextmanager
def open_copies(root: Path) -> Iterator[Copies]:
    """Copies of the project at `root`; on leaving, however that comes, processes end and all is removed."""
    kernels = root / PROOFS / KERNELS / sources_hash(root)
    with tempfile.TemporaryDirectory(prefix="tapeline-prove-", ignore_cleanup_errors=True) as name:
        sources = Path(name) / "sources"
        copy_sources(root, sources)
        copy_kernels(kernels, sources)
        runner = Runner(sources)
        try:
            yield Copies(root, Path(name), runner)
        finally:
            runner.end()
        shutil.rmtree(kernels.parent, ignore_errors=True)
        copy_kernels(sources, kernels)


def last_line(log: Path) -> str:
    """The last line of a log, empty where there is none."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.is_file() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def source_files(root: Path) -> list[str]:
    """Files of the sources that git tracks in the project at `root`, as they lie there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *SOURCES], cwd=root, capture_output=True, text=True, check=False
    )
    names = [name for name in listed.stdout.split("\0") if name and (root / name).is_file()]
    if not names:
        raise ProofError(f"{root}: git tracks none of {', '.join(SOURCES)}; the proof runs what is tracked")
    return sorted(names)


def sources_hash(root: Path) -> str:
    """Hash of the tracked sources of the project at `root`, names and content."""
    digest = hashlib.sha256()
    for name in source_files(root):
        digest.update(f"{name} {hashlib.sha256((root / name).read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


def copy_sources(root: Path, folder: Path) -> None:
    """Copy the tracked sources of the project at `root`."""
    for name in source_files(root):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, folder / name)


def resolved_params(text: str, changes: Changes) -> str:
    """params.yaml for a copy: candles from its files, all that depends on their source as the run has it.

    One process does a copy's work, since several copies are at work; what only makes figures finer is small.
    """
    params = Params.parse(text)
    signals = params.section("signals", SignalParams).resolved(params.value("data.source", Source))
    yaml = YAML()
    values = yaml.load(text)
    files: dict[str, Any] = {"source": "files", "path": RAW.as_posix(), "layout": "canonical"}
    own = {
        "data": files | {"columns": {}, "timezone": None, "workers": 1} | own_params(values["data"]["extra"]),
        "signals": {"tier_by": signals.tier_by},
        "promotion": {"refit": "none"},
        # How far other candles drift from the run's says nothing about it.
        "quality": {"warnings": [*{*values["quality"]["warnings"], "drift"}]},
        "train": {"workers": 1},
    }
    for section, keys in [*own.items(), *FEW.items(), *changes.items()]:
        values[section].update(keys)
    written = StringIO()
    yaml.dump(values, written)
    return written.getvalue()
