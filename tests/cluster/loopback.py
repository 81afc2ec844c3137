"""A Dask cluster of processes of their own on this machine, which tests kill."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

SECONDS = 60.0  # that anything may take to happen


class Loopback:
    """A scheduler and workers, away from the project and without its code on their path."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workers = folder, []
        self.file = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        wait_for(lambda: self.file.exists() and self.file.read_text().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def add(self, *options: str, within: tuple[str, ...] = (), **environment: str) -> subprocess.Popen:
        """Start a worker that does one item at a time."""
        named = ("--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", str(self.folder))
        worker = self._start("worker", *named, *options, within=within, **environment)
        self.workers.append(worker)
        return worker

    def _start(self, what: str, *options: str, within: tuple[str, ...] = (), **environment: str):
        command = [*within, sys.executable, "-m", "dask", what, "--host", "127.0.0.1"]
        command += ["--scheduler-file", str(self.file), *options]
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=self.folder, env=env, stdout=log, stderr=log)

    def close(self) -> None:
        """End all that are left."""
        for process in (*self.workers, self.scheduler):
            process.kill()
            process.wait()


@contextmanager
def loopback(folder: Path, *workers: tuple[str, ...]) -> Iterator[Loopback]:
    """A cluster with one worker for each tuple of options; the project's processes go to it meanwhile."""
    cluster = Loopback(folder)
    try:
        for options in workers:
            cluster.add(*options)
        yield cluster
    finally:
        cluster.close()


def wait_for(happens, seconds: float = SECONDS):
    """What `happens` returns, as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (found := happens()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def children_of(*processes: subprocess.Popen) -> list[psutil.Process]:
    """The project's processes that workers have started."""
    found = []
    for process in processes:
        if process.poll() is None:
            found += psutil.Process(process.pid).children()
    return [each for each in found if each.status() != psutil.STATUS_ZOMBIE]
