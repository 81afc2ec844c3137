"""How every stage runs: logging, one-line errors, and what to do after them."""

import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tapeline.errors import TapelineError

RESTORE = "the last good outputs come back by `git checkout metrics && dvc checkout`"
LOGS = Path("logs")  # git-ignored, outside the contract


def run_stage(name: str, main: Callable[[logging.Logger], None]) -> None:
    """Run `main` as stage `name`, log to the terminal and to `logs/NAME.log`, exit non-zero on failure.

    The level is TAPELINE_LOG_LEVEL (default INFO). A user's mistake, a full disk and Ctrl-C end in one
    line; anything else is a defect and shows its traceback.
    """
    log = _make_log(name)
    started = time.perf_counter()
    try:
        main(log)
    except (TapelineError, OSError, MemoryError) as error:
        if isinstance(error, OSError) and error.errno is None:
            raise
        log.error("%s; %s", " ".join(str(error).split()) or type(error).__name__, RESTORE)
        log.debug("where it happened", exc_info=True)
        sys.exit(1)
    except KeyboardInterrupt:
        log.error("interrupted; nothing half-written is left; %s", RESTORE)
        sys.exit(130)
    log.info("done in %.1f s", time.perf_counter() - started)


def _make_log(name: str) -> logging.Logger:
    LOGS.mkdir(exist_ok=True)
    log = logging.getLogger(f"stages.{name}")
    level = os.environ.get("TAPELINE_LOG_LEVEL", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        sys.exit(f"TAPELINE_LOG_LEVEL is {level!r}: must be DEBUG, INFO, WARNING or ERROR")
    log.setLevel(level)
    terminal = logging.StreamHandler()
    terminal.setFormatter(logging.Formatter("%(name)s: %(message)s"))
    file = logging.FileHandler(LOGS / f"{name}.log", mode="w", encoding="utf-8")
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.handlers = [terminal, file]
    log.propagate = False
    return log
