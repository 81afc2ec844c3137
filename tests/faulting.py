"""Runs of commands that are killed or starved at one of their steps, in a process that imports once.

A step is whatever Python tells its audit hooks of that touches a file or starts a process: every rename,
removal, folder and written file, whichever library makes it.
"""

import errno
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from tapeline.closure import ROOT

STEPS = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "subprocess.Popen"}
KILLS = ["SIGKILL", "SIGTERM", "SIGINT"]
ERRORS = ["ENOSPC", "EACCES", "EMFILE", "EROFS"]


def at_step(number: int, fault: str, counted: list[str]) -> None:
    """From now on do `fault` at that step: a signal's name, or an error's; 0: count alone."""

    def hook(event: str, arguments: tuple) -> None:
        writes = (
            event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if event not in STEPS and not writes:
            return
        counted.append(event)
        if len(counted) == number:
            if fault.startswith("SIG"):
                os.kill(os.getpid(), getattr(signal, fault))
            else:
                raise OSError(getattr(errno, fault), os.strerror(getattr(errno, fault)))

    sys.addaudithook(hook)


def run(
    folder: Path, main: Callable[[], None], arguments: list[str], number: int = 0, fault: str = ""
) -> dict[str, Any]:
    """Run `main` in a process of its own in `folder`; how it ended, what it said, and its steps."""
    descriptor, report = tempfile.mkstemp()
    child = os.fork()
    if child == 0:
        said, counted, status = io.StringIO(), [], 0
        os.chdir(folder)
        sys.argv = arguments
        sys.stdin = io.TextIOWrapper(io.BytesIO(b""))
        try:
            at_step(number, fault, counted)
            with redirect_stdout(said), redirect_stderr(said):
                main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(bool(end.code))
            said.write(end.code if isinstance(end.code, str) else "")
        except BaseException:
            status = 99
            said.write(traceback.format_exc())
        # Opened before: no step of the command is left for the fault to meet here.
        os.write(descriptor, json.dumps({"said": said.getvalue(), "steps": counted}).encode())
        os._exit(status)
    status = os.waitpid(child, 0)[1]
    os.close(descriptor)
    text = Path(report).read_text()
    os.remove(report)
    return {"status": os.waitstatus_to_exitcode(status)} | (
        json.loads(text) if text else {"said": "", "steps": []}
    )


def answer(job: Callable[..., dict[str, Any]]) -> None:
    """Read jobs as JSON lines and answer each with a line."""
    for line in sys.stdin:
        print(json.dumps(job(**json.loads(line))), flush=True)


class Laboratory:
    """The process that runs and faults commands: a module that answers jobs, given a project's folder."""

    def __init__(self, module: str, folder: Path) -> None:
        environment = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", "DVC_NO_ANALYTICS": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, str(folder)], env=os.environ | environment,
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ask(self, **job: Any) -> dict[str, Any]:
        """Its answer to a job."""
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self.process.stdin.close()
        self.process.wait()


def show(title: str, outcomes: dict[str, Any], wrong: list[tuple]) -> None:
    """A table of what was tried and survived."""
    found = {name for counted in outcomes.values() for name in counted}
    columns = [name for name in ("before", "between", "after") if name in found | {"before", "after"}]
    print(f"\n{title:<18}{'tried':>8}{'survived':>10}" + "".join(f"{'as ' + name:>12}" for name in columns))
    for name, counted in outcomes.items():
        failed = sum(entry[0] == name for entry in wrong)
        tried = sum(counted.values())
        rest = "".join(f"{counted[column]:>12}" for column in columns)
        print(f"{name:<18}{tried:>8}{tried - failed:>10}{rest}")
