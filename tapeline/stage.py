"""How every stage runs: logging, one-line errors, and what to do after them."""

import logging
import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tapeline.ending import (
    INTERRUPTED,
    TERMINATED,
    end_imports,
    end_with,
    interrupted_by_term,
    is_told_in_a_line,
    one_line,
)
from tapeline.errors import TapelineError, printable
from tapeline.restoring import restore_hint

LOGS = Path("logs")  # git-ignored, outside the contract
CLUSTER = "tapeline.cluster"  # whose lines are the stage's


def run_stage(name: str, main: Callable[[logging.Logger], None]) -> None:
    """Run `main` as stage `name`, log to the terminal and to `logs/NAME.log`, exit non-zero on failure.

    The level is TAPELINE_LOG_LEVEL (default INFO). A user's mistake, a full disk, Ctrl-C and SIGTERM end in
    one line; anything else is a defect and shows its traceback.
    """
    end_imports()
    if "DVC_STAGE" in os.environ:  # or the next `dvc repro` runs it beside one that a killed one has left
        end_with(os.getppid())
    with interrupted_by_term() as is_terminated:
        _run(name, main, is_terminated)


def _run(name: str, main: Callable[[logging.Logger], None], is_terminated: Callable[[], bool]) -> None:
    started = time.perf_counter()
    log = logging.getLogger(f"stages.{name}")
    try:
        _set_up(log, name)
        main(log)
    except (TapelineError, OSError, MemoryError) as error:
        if not is_told_in_a_line(error):
            raise
        log.error("%s%s", one_line(error), _what_to_do(name, error))
        log.debug("where it happened", exc_info=True)
        sys.exit(1)
    except KeyboardInterrupt as interrupt:
        kept = " ".join(str(interrupt).split()) or "nothing half-written is left"
        # Said by the first of several processes alone.
        how, status = ("terminated", TERMINATED) if is_terminated() else ("interrupted", INTERRUPTED)
        log.warning("%s; %s%s", how, kept, _what_to_do(name, interrupt))
        sys.exit(status)
    log.info("done in %.1f s", time.perf_counter() - started)


def _what_to_do(name: str, error: BaseException) -> str:
    """How outputs that DVC took away come back; a stage run by hand has lost none, but may lack inputs."""
    if "DVC_STAGE" in os.environ:
        return f"; {restore_hint(project_folder())}"
    is_missing = isinstance(error, FileNotFoundError) or isinstance(error.__cause__, FileNotFoundError)
    return f"; `dvc repro {name}` makes before it what this stage reads" if is_missing else ""


def run_folder() -> Path:
    """Folder of this run under `runs/`: the experiment's, or `workspace`. Git-ignored, outside the contract.

    DVC runs queued and temporary experiments in a copy of the project, which it removes after.
    """
    return project_folder() / "runs" / (os.environ.get("DVC_EXP_NAME") or "workspace")


def project_folder() -> Path:
    """Folder of the project, also from the copy in which DVC runs an experiment."""
    return Path(os.environ.get("DVC_ROOT", "."))


class _Printable(logging.Formatter):
    """Lines in which control characters of files' names and symbols are written out."""

    def format(self, record: logging.LogRecord) -> str:
        """Format as ever, then make it printable."""
        return printable(super().format(record))


class _LogFile(logging.FileHandler):
    """A stage's log at `path`; where the disk is full, the run goes on without it and says so once."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, mode="w", encoding="utf-8")
        self.setFormatter(_Printable("%(asctime)s %(levelname)s %(message)s"))
        self._path = path

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, logging's own name
        """Let the terminal have the lines alone; any other error than the system's is a defect."""
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        log = logging.getLogger(record.name)
        log.handlers = [handler for handler in log.handlers if handler is not self]
        with suppress(OSError):  # what it could not write it tries to write once more
            self.close()
        log.warning("%s: can't be written (%s); the log goes on here alone", self._path, error.strerror)


def _set_up(log: logging.Logger, name: str) -> None:
    """Have `log` write to the terminal and to the files of stage `name`."""
    level = os.environ.get("TAPELINE_LOG_LEVEL", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        sys.exit(f"TAPELINE_LOG_LEVEL is {level!r}: must be DEBUG, INFO, WARNING or ERROR")
    log.setLevel(level)
    terminal = logging.StreamHandler()
    terminal.setFormatter(_Printable("%(name)s: %(message)s"))
    log.propagate = False
    if int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))):
        terminal.setLevel(logging.ERROR)  # one process of many speaks for all, unless something is wrong
        log.handlers = [terminal]
        return
    folders = {LOGS} if run_folder().name == "workspace" else {LOGS, run_folder() / "logs"}
    log.handlers = [terminal]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        log.addHandler(_LogFile(folder / f"{name}.log"))
    cluster = logging.getLogger(CLUSTER)
    cluster.handlers, cluster.propagate = log.handlers, False
    cluster.setLevel(level)
