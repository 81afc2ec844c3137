"""What a warm Python runs, runs as the environment's own does."""

import os
import signal
import subprocess
import sys
import time

import pytest

from tests.warm import BINARIES, warm_environment

pytestmark = pytest.mark.skipif(not (warm_environment() / "socket").exists(), reason="no server is wanted")
# A package of a folder of its own, whose name is one of the project's.
MODULE = """
import os, sys
print(__name__, __file__, sys.argv, sys.path[0], sys.stdin.read(), os.environ["OF_TEST"])
print(os.getcwd(), oct(os.umask(0)))
print("error", file=sys.stderr)
raise SystemExit(int(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path):
    """A folder with a command."""
    (tmp_path / "commands").mkdir()
    (tmp_path / "commands/__init__.py").write_text("import sys\nprint(sys.argv, __name__)\n")
    (tmp_path / "commands/said.py").write_text(MODULE)
    (tmp_path / "script.py").write_text("import sys\nprint('pandas' in sys.modules)\n")
    return tmp_path


def environment(**more):
    """That of a command of `Workshop`."""
    env = os.environ | {"OMP_NUM_THREADS": "1", "OF_TEST": "set"} | more
    env.pop("PYTHONPATH", None)
    return env


def ran(program, folder, *arguments, **more):
    """Status and output of a run of `program` in `folder`."""
    done = subprocess.run(
        [program, *arguments], cwd=folder, env=environment(**more), input="read", capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def warm():
    """Its Python."""
    return warm_environment() / "bin/python"


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "commands.said", "0"),
        ("-m", "commands.said", "7", "--more"),
        ("-m", "commands.none"),
        ("-c", "import sys; print(sys.argv, sys.path[0], __name__)", "a"),
        ("-c", "raise SystemExit('a line')"),
        ("-c", "import os; os.kill(os.getpid(), 9)"),
        ("-c", "import os; os.kill(os.getpid(), 15)"),
        ("-c", "import atexit; atexit.register(print, 'end')"),
        (
            "-c",
            "import threading, time; threading.Thread(target=lambda: [time.sleep(0.1), print('t')]).start()",
        ),
        ("-u", "-c", "import os; print('first'); os.write(1, b'then')"),
        ("script.py",),
    ],
)
def test_a_command_does_what_it_does_by_itself(folder, arguments):
    """Status, signals among them, output, arguments, folder, environment, input, mask, path; what ends it."""
    status, out, err = ran(sys.executable, folder, *arguments)
    assert ran(warm(), folder, *arguments) == (
        status,
        out,
        err.replace(sys.executable, str(BINARIES / "python")),
    )


def test_libraries_are_there_and_the_project_is_not(folder):
    """Code of the project is read anew by each, from where it is called."""
    code = "import sys; print('torch' in sys.modules, {'tapeline', 'stages', 'tests'} & set(sys.modules))"
    assert ran(warm(), folder, "-c", code) == (0, "True set()\n", "")


def test_other_settings_are_for_the_environments_own(folder):
    """What Python or a library would have read as it began was read for all."""
    code = "import sys; print('torch' in sys.modules)"
    for more in ({"PYTHONHASHSEED": "77"}, {"OMP_NUM_THREADS": "2"}, {"PYTHONUTF8": "1"}):
        assert ran(warm(), folder, "-c", code, **more) == (0, "False\n", "")
    assert ran(warm(), folder, "-c", code, PYTHONPATH="x")[1] == "True\n"


def test_an_error_nobody_caught_is_told(folder):
    """By its traceback, on standard error."""
    status, out, err = ran(warm(), folder, "-c", "print(1)\n1 / 0")
    assert (status, out) == (1, "1\n")
    assert err.endswith("ZeroDivisionError: division by zero\n")


def test_dvc_says_what_dvc_says(folder):
    """Also that it fails."""
    for arguments in (("version", "--help"), ("status",)):
        assert ran(warm_environment() / "bin/dvc", folder, *arguments) == ran(
            BINARIES / "dvc", folder, *arguments
        )


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGKILL, -9)]
)
def test_signals_are_for_who_works(folder, number, status):
    """Interrupted, terminated or killed, nothing of it goes on."""
    code = (
        "import os, sys, time\n"
        "try:\n    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
        "except KeyboardInterrupt:\n    sys.exit(130)"
    )
    process = subprocess.Popen(
        [warm(), "-c", code], cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    worker = int(process.stdout.readline())
    process.send_signal(number)
    assert process.wait() == status
    process.stdout.read()  # open for as long as anybody has it
    for _ in range(100):
        if not os.path.exists(f"/proc/{worker}"):
            break
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{worker}")
