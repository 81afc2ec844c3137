"""What runs inside Dask's workers: it starts processes in the project's folder and has them do the work.

It is sent there by value, so that a worker needs Dask alone and never runs code of an earlier day.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from typing import Any

import psutil
from distributed import Worker, WorkerPlugin, get_worker

MODULE = "tapeline.cluster.child"
TICK = 0.2  # seconds between looks at a process that works
STARTING = 120.0  # seconds that one may take to begin
WRONG, OUT_OF_MEMORY, ENDED = "wrong", "out of memory", "ended"  # beside what child.py answers


class Child:
    """A process that does one item at a time."""

    def __init__(self, session: str, folder: str, environment: dict[str, str]) -> None:
        self.connection, theirs = Pipe()
        command = [sys.executable, "-m", MODULE, str(theirs.fileno()), session]
        self.process = subprocess.Popen(
            command, cwd=folder, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL
        )
        theirs.close()

    def says(self) -> dict[str, str]:
        """What it is, which it says first; EOFError where it ends before."""
        if not self.connection.poll(STARTING):
            raise EOFError
        found: dict[str, str] = json.loads(self.connection.recv_bytes())
        return found

    def kill(self) -> None:
        """End it, and wait until it has."""
        self.process.kill()
        self.process.wait()
        self.connection.close()

    def memory(self) -> int:
        """Bytes of its own that it holds: not those of files, which the kernel may drop."""
        try:
            found = psutil.Process(self.process.pid).memory_info()
        except psutil.Error:
            return 0
        return int(found.rss - found.shared)


class Children(WorkerPlugin):  # type: ignore[misc]  # without types
    """The processes of one session on a worker, one for each of its threads; all end with the session."""

    def __init__(
        self, session: str, folder: str, environment: dict[str, str], difference: Callable[[Any], str]
    ) -> None:
        self._session, self._folder, self._environment = session, folder, environment
        self._difference = difference

    def setup(self, worker: Worker) -> None:
        """Begin, on whatever worker there is or comes later."""
        self._worker, self._lock = worker, threading.Lock()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._has_ended = False

    def teardown(self, worker: Worker) -> None:
        """End all processes."""
        with self._lock:
            self._has_ended = True
            for child in [*self._idle, *self._busy]:
                child.kill()

    def check(self) -> str:
        """What hinders this worker from doing the work, or nothing."""
        child, wrong = self._start()
        if child:
            with self._lock:
                self._busy.discard(child)
                self._idle.append(child)
        return wrong

    def run(self, number: int, key: Any) -> tuple[str, Any]:
        """Do the item `number`; return what the process answers, or why it does not."""
        child = self._take()
        if child is None:
            child, wrong = self._start()
            if child is None:
                return WRONG, wrong
        try:
            child.connection.send_bytes(str(number).encode())
            while not child.connection.poll(TICK):
                if self._is_cancelled(key):
                    return self._drop(child, "cancelled", "")
                if limit := self._is_over(child):
                    return self._drop(child, OUT_OF_MEMORY, f"{limit / 2**30:.2g} GB")
            answer = child.connection.recv_bytes()
        except (EOFError, OSError):
            status = child.process.wait()
            return self._drop(child, ENDED, f"signal {-status}" if status < 0 else f"status {status}")
        with self._lock:
            self._busy.discard(child)
            self._idle.append(child)
        return "answer", answer

    def _start(self) -> tuple[Child | None, str]:
        environment = {name: value for name, value in os.environ.items() if name != "DASK_SCHEDULER_ADDRESS"}
        try:
            with self._lock:
                if self._has_ended:
                    return None, "the session has ended"
                child = Child(self._session, self._folder, environment | self._environment)
                self._busy.add(child)
        except OSError as error:
            return (
                None,
                f"can't work in {self._folder} ({error.strerror}): it must be shared, at the same path",
            )
        try:
            wrong = self._difference(child.says())
        except (EOFError, OSError):
            wrong = f"has no tapeline.cluster in {self._folder}, or no Python for it: its log says more"
        if wrong:
            self._drop(child, WRONG, wrong)
            return None, wrong
        return child, ""

    def _take(self) -> Child | None:
        with self._lock:
            while self._idle:
                child = self._idle.pop()
                if child.process.poll() is None:
                    self._busy.add(child)
                    return child
        return None

    def _drop(self, child: Child, why: str, what: str) -> tuple[str, str]:
        with self._lock:
            child.kill()
            self._busy.discard(child)
        return why, what

    def _is_cancelled(self, key: Any) -> bool:
        task = self._worker.state.tasks.get(key)
        return task is None or task.state not in ("executing", "long-running")

    def _is_over(self, child: Child) -> int:
        """The worker's limit in bytes, where its processes hold more and `child` the most of them."""
        limit: int | None = self._worker.memory_manager.memory_limit
        if not limit:
            return 0
        with self._lock:
            held = {each: each.memory() for each in [*self._busy, *self._idle]}
        return limit if sum(held.values()) > limit and held.get(child) == max(held.values()) else 0


def task(name: str) -> Callable[[int], tuple[str, Any, str]]:
    """What a worker runs as a task of the session `name`; it is made anew, for Dask to send it by value."""

    def run(number: int) -> tuple[str, Any, str]:
        worker = get_worker()
        return (*worker.plugins[name].run(number, worker.get_current_task()), worker.address)

    return run


def checking(name: str) -> Callable[..., Any]:
    """What a worker runs to say what hinders it, beside its tasks."""

    async def check(dask_worker: Worker) -> str:
        return await asyncio.to_thread(dask_worker.plugins[name].check)

    return check
