"""How commands end: interrupted while importing and after, by a person's mistake, and without secrets."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.closure import ROOT
from tapeline.ending import one_line, run_command, without_secrets
from tapeline.errors import ArtifactError
from tests.release.former import two_runs

COMMANDS = sorted(path.stem for path in (ROOT / "commands").glob("[!_]*.py"))
# Imports the slow part forever, as a large library on a slow disk; says when it has begun.
SLOW = "import sys, time\nprint('importing', flush=True)\ntime.sleep(60)\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_run_by_the_common_entry(name):
    """Which catches what a person can mend, hides secrets and undoes what is half done."""
    assert re.search(
        r'if __name__ == "__main__":\n    run_command\(', (ROOT / f"commands/{name}.py").read_text()
    )


@pytest.mark.parametrize("module", ["commands.promote", "stages.ingest"])
def test_ctrl_c_during_imports_ends_with_130_and_without_a_traceback(tmp_path, module):
    """Whatever is being imported; here a library that takes a minute."""
    (tmp_path / "pandas.py").write_text(SLOW)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=tmp_path, env=os.environ | {"PYTHONPATH": path},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "importing\n"
    process.send_signal(signal.SIGINT)
    said = process.communicate(timeout=30)
    assert (process.returncode, said) == (130, ("", ""))


SEEN = """
import gc, sys
from tapeline.ending import begin_imports, end_imports
sys.argv[:1] = {name!r}
begin_imports()
during = gc.isenabled()
end_imports()
print(during, gc.isenabled(), gc.get_freeze_count() > 0)
"""


@pytest.mark.parametrize(
    ("name", "seen"), [(["-m"], "False True True"), (["script.py"], "True True False")]
)  # fmt: skip
def test_garbage_is_collected_again_once_imports_are_done(name, seen):
    """And what was imported is looked through no more; who only imports a stage is left alone."""
    done = subprocess.run(
        [sys.executable, "-c", SEEN.format(name=name)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == seen.split(), done.stderr


@pytest.mark.parametrize(
    ("number", "status", "line"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_undoes_what_is_half_done(tmp_path, number, status, line):
    """Then the command ends with the shell's status for it, in a line at most."""
    script = tmp_path / "command.py"
    script.write_text(
        "import time\nfrom pathlib import Path\nfrom tapeline.ending import run_command\n"
        "def main():\n    Path('half').touch()\n    print('begun', flush=True)\n"
        "    try:\n        time.sleep(60)\n    finally:\n        Path('half').unlink()\n"
        "run_command(main)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(script)], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.05)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (status, line)
    assert not (tmp_path / "half").exists()


def ending_of(error):
    """Exit status of a command that raises `error`."""

    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    return ended.value.code


def test_a_mistake_is_one_line_and_a_defect_is_not():
    """With notes; others' control characters are written out."""
    error = ArtifactError("a\nb \x1b[2J")
    error.add_note("the rest")
    assert ending_of(error) == "a b \\x1b[2J; the rest"
    assert ending_of(OSError(28, "No space left on device")) == "[Errno 28] No space left on device"
    assert ending_of(FileNotFoundError(2, "No such file", "data/x")) == "data/x: is not there"
    assert ending_of(FileNotFoundError(2, "No such file")) == "[Errno 2] No such file"
    assert (
        ending_of(FileNotFoundError(2, "No such file", "a", None, "b"))
        == "[Errno 2] No such file: 'a' -> 'b'"
    )
    assert ending_of(KeyboardInterrupt()) == 130
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: 1 // 0)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="only root can be another user")
def test_a_user_without_name_and_home_is_told_so_in_a_line(tmp_path):
    """DVC keeps its configuration at home; where there is none, it is said."""
    shop = two_runs(tmp_path / "shop")
    nobody = 54_321
    for path in (tmp_path, *tmp_path.rglob("*")):
        os.chown(path, nobody, nobody, follow_symlinks=False)
    for folder in tmp_path.parents[: len(tmp_path.parents) - 2]:
        folder.chmod(folder.stat().st_mode | 0o055)
    known = {name: value for name, value in os.environ.items() if name not in ("HOME", "USER", "LOGNAME")}
    command = ["setpriv", f"--reuid={nobody}", "--clear-groups", sys.executable, "-m", "commands.restore"]
    done = subprocess.run(
        command, cwd=shop, env=known | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "set an absolute HOME" in done.stderr


SECRETS = [
    ("https://me:hunter2@host/path: 403", "https://***@host/path: 403"),
    ("can't reach 's3://key:hunter2@bucket/x'", "can't reach 's3://***@bucket/x'"),
    ("ssh://me:hunt@er2@host:22/", "ssh://***@host:22/"),
    ("azure://box?sv=1&sig=hunter2&x=1", "azure://box?sv=1&sig=***&x=1"),
    ("https://h/?access_token=hunter2", "https://h/?access_token=***"),
    ("mail me@host.example", "mail me@host.example"),
]


@pytest.mark.parametrize(("text", "shown"), SECRETS)
def test_a_password_in_a_url_is_never_shown(text, shown):
    """Nor a key in its query; what is no secret stays."""
    assert without_secrets(text) == shown
    assert ending_of(ArtifactError(text)) == shown


def test_secret_options_of_a_remote_are_never_shown():
    """By the names that DVC gives them."""
    options = {
        "url": "s3://b",
        "secret_access_key": "hunter2",
        "password": "pw",
        "connection_string": "x=1;y",
    }
    shown = without_secrets("s3://b hunter2 pw x=1;y", options)
    assert shown == "s3://b *** *** ***"


@given(
    st.text(alphabet=st.characters(exclude_characters="/ \n\t\r'\"@", categories=["L", "N", "P"]), min_size=3)
)
def test_no_password_survives(password):
    """Whatever it is made of."""
    line = one_line(ArtifactError(f"git push https://someone:{password}@host.invalid/x: denied"))
    assert line == "git push https://***@host.invalid/x: denied"
