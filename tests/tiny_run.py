"""One run of the tiny pipeline for all tests that begin with one, whichever worker comes first makes it."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.warm import BINARIES
from tests.workshop import EASY, Workshop


def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the run, committed, with gates that it passes; to be copied, and left as it is."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if own.name.startswith("popen-") else own  # workers' own folders lie in the session's
    folder, making = shared / "tiny_run", shared / "tiny_run_in_making"
    with (shared / "tiny_run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            shop = Workshop(making)
            shop.set_params({"gates": EASY})
            # By the environment's own Python: runs that are compared with this one were begun otherwise.
            shop.run("make repro", VENV=str(BINARIES.parent), PATH=f"{BINARIES}:{os.environ['PATH']}")
            shop.commit("run")
            making.rename(folder)
    return folder
