"""`python` and `dvc` that have imported already: for tests whose commands would wait for libraries alone."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
BINARIES = Path(sys.executable).parent
FOLDER = "TAPELINE_WARM"  # where all workers of a session find the one server
# What Python and libraries read as they begin, by the first letters of its name. PYTHON is the Makefile's,
# and PYTHONPATH is heeded later.
READ_AT_START = ("PYTHON", "LC_", "LANG", "OMP_", "MKL_", "NUMBA_")
READ_LATER = ("PYTHON", "PYTHONPATH")


def warm_environment() -> Path:
    """Return a folder to be used as VENV, whose `python` and `dvc` begin with their libraries imported.

    They run the code of the folder in which they are called, as the environment's own do: stages, commands,
    lines by `-c`. They become those for everything else, and where the settings of Python are others than
    the tests'. Where no server is, it is the environment itself: on other systems than Linux, and where
    TAPELINE_WARM names it already, `TAPELINE_WARM=.venv make test-all`.
    """
    return Path(os.environ.get(FOLDER, BINARIES.parent)).absolute()


def warm_python() -> str:
    """The Python of `warm_environment`, beside `sys.executable`."""
    return str(warm_environment() / "bin/python")


@contextmanager
def serving() -> Iterator[None]:
    """Have a server while the tests run; it imports when it is first asked, and ends with its commands."""
    with tempfile.TemporaryDirectory(prefix="warm") as name:  # an address of a socket has to be short
        folder = Path(name)
        (folder / "bin").mkdir()
        for program in ("python", "dvc"):
            script = folder / "bin" / program
            script.write_text(f"#!{BINARIES / 'python'} -IS\n{(HERE / 'client.py').read_text()}")
            script.chmod(0o755)
        installed = BINARIES.parent / "installed.lock"
        if installed.is_file():  # what it is made of, which `make env` asks for
            (folder / "installed.lock").write_bytes(installed.read_bytes())
        env = os.environ | {"OMP_NUM_THREADS": "1", "DVC_NO_ANALYTICS": "1", "PYTHONPATH": str(HERE)}
        read = {key: env[key] for key in env if key.startswith(READ_AT_START) and key not in READ_LATER}
        settings = {"begin": READ_AT_START, "later": READ_LATER, "read": read}
        (folder / "settings").write_text(json.dumps(settings))
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(folder / "socket"))
            listener.listen(100)
            server = subprocess.Popen(
                [sys.executable, "-c", "import warm_server; warm_server.serve()", str(listener.fileno())],
                env=env, stdin=subprocess.DEVNULL, pass_fds=[listener.fileno()],
            )  # fmt: skip
        os.environ[FOLDER] = name
        try:
            yield
        finally:
            del os.environ[FOLDER]
            server.terminate()
            server.wait()
