"""The committed run's stages once more, in copies of the project, and every byte that they write compared.

What a gate reads is a file, and a file can be edited together with its hashes. What is made again from raw
candles and from weights can't. The weights are taken as they are: how they came about is for the proof.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from tapeline.errors import ArtifactError
from tapeline.models.table import NETWORKS
from tapeline.release.copies import copy_of_project
from tapeline.release.locked import LOCK, read_stages, stage_records
from tapeline.release.same_outputs import Comparison, first_difference

DONE = "done: "  # begins the line that says so of a stage, on the standard output of its process
TRAINED = {f"train_{model.name}": model for model in NETWORKS}
BASELINES = "train_baselines"
AVERAGED = "ensembles"
# Two chains of processes side by side, each of some stages. What the second reads the first makes again, so
# that both together say that the whole comes from the raw candles and the weights.
CHAINS = (
    (("ingest", "features", "expectations", "splits", "ceilings"),),
    ((*TRAINED, BASELINES, AVERAGED), ("evaluate", "promote")),
)
STAGES = tuple(stage for chain in CHAINS for stages in chain for stage in stages)
NOT_AGAIN = ("latency",)  # it measures the machine


def outputs_of(stage: str, lock: Path) -> list[Path]:
    """What a stage writes, relative to the project; of a training without the course of its losses."""
    records = stage_records(stage, read_stages(lock)[stage])
    paths = [Path(record.path) for record in records if record.kind == "out"]
    return [path for path in paths if stage not in TRAINED or path.parts[0] != "plots"]


class Rerun:
    """All stages of the project at `root` once more, in the background; `tell` hears of each that is done."""

    def __init__(self, root: Path, tell: Callable[[str], None]) -> None:
        self._root, self._tell, self._lock = root, tell, threading.Lock()
        self._comparison, self._is_stopped = Comparison(), False
        self._processes: list[subprocess.Popen[str]] = []
        self._pool = ThreadPoolExecutor(len(CHAINS))
        self._running = [self._pool.submit(self._run_chain, chain) for chain in CHAINS]

    def result(self) -> Comparison:
        """What was compared; ArtifactError names the first file and value that is not made again so."""
        try:
            done, _ = wait(self._running, return_when=FIRST_EXCEPTION)
            failed = next((each for each in done if each.exception()), None)
            if failed:
                self.stop()
                failed.result()
        finally:
            self.stop()
        made = self._comparison
        if made.hashes and not made.rounded:
            raise ArtifactError(made.hashes[0])
        if made.rounded:
            self._tell(
                f"{made.rounded} of {made.files} files are equal but for rounding, as by another machine"
            )
        return made

    def stop(self) -> None:
        """Kill what still runs, and wait until the copies are gone."""
        with self._lock:
            self._is_stopped = True
            for process in self._processes:
                if process.poll() is None:
                    process.kill()
        self._pool.shutdown()

    def _run_chain(self, chain: tuple[tuple[str, ...], ...]) -> None:
        with copy_of_project(self._root) as copy:
            for stages in chain:
                self._run_stages(copy, stages)

    def _compare(self, stage: str, copy: Path) -> None:
        for path in outputs_of(stage, copy / LOCK):
            difference = first_difference(path, self._root, copy, self._comparison)
            if difference:
                raise ArtifactError(f"{difference} by {stage}")
        self._tell(f"{stage}: made again, the same")

    def _run_stages(self, copy: Path, stages: tuple[str, ...]) -> None:
        """Run `stages` in a process in `copy`, compare each; ArtifactError holds a failure's last line."""
        called = f"run_steps({stages!r}, {str(self._root.resolve())!r})"
        code = f"from tapeline.release.rerun_steps import run_steps; {called}"
        env = {name: value for name, value in os.environ.items() if not name.startswith(("DVC_", "PYTHON"))}
        log = copy / "rerun.log"
        with log.open("w") as errors, self._lock:
            if self._is_stopped:
                return
            process = subprocess.Popen(
                [sys.executable, "-c", code], cwd=copy, env=env | {"PYTHONHASHSEED": "0"},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True,
            )  # fmt: skip
            self._processes.append(process)
        with process:
            try:
                for line in process.stdout or ():
                    if line.startswith(DONE):
                        self._compare(line.removeprefix(DONE).strip(), copy)
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            said = log.read_text(encoding="utf-8", errors="replace").splitlines()
            raise ArtifactError(f"running {', '.join(stages)} again: {said[-1] if said else 'it failed'}")
