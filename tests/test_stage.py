"""How stages end: well, by a user's mistake, by a full disk, by Ctrl-C, by a defect."""

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tapeline.closure import ROOT
from tapeline.errors import DataError
from tapeline.restoring import RESTORE
from tapeline.stage import run_stage


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path, monkeypatch):
    """Logs go to `logs/` of the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAPELINE_LOG_LEVEL", raising=False)


def fail_with(error):
    """A stage that raises `error`."""

    def main(log):
        raise error

    return main


@pytest.mark.parametrize(
    ("error", "status", "line"),
    [
        (
            DataError("a.csv", "row 3: close is\nempty"),
            1,
            f"stages.x: a.csv: row 3: close is empty; {RESTORE}\n",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "No space left on device"),
        (FileNotFoundError("data/x.parquet"), 1, "stages.x: data/x.parquet: is not there; "),
        (KeyboardInterrupt(), 130, "stages.x: interrupted; nothing half-written is left"),
    ],
)
def test_a_mistake_ends_in_one_line_without_traceback(monkeypatch, capsys, error, status, line):
    """Under DVC, which took them away, the line says how the last good outputs come back."""
    monkeypatch.setenv("DVC_STAGE", "x")
    with pytest.raises(SystemExit) as ended:
        run_stage("x", fail_with(error))
    said = capsys.readouterr().err
    assert ended.value.code == status
    assert line in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("by_dvc", [False, True])
def test_what_a_stage_reads_is_made_by_those_before_it(monkeypatch, capsys, by_dvc):
    """Under DVC the stages before it have run, and what is missing is another's to say."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    if by_dvc:
        monkeypatch.setenv("DVC_STAGE", "x")
    with pytest.raises(SystemExit):
        run_stage("x", lambda log: print(Path("data/splits.json").read_text()))
    said = capsys.readouterr().err
    assert "stages.x: data/splits.json: is not there; " in said
    assert ("; `dvc repro x` makes before it what this stage reads\n" in said) is not by_dvc


def test_so_is_what_a_library_of_tables_did_not_find(monkeypatch, capsys):
    """The reader's own error, which stands on the system's."""

    def main(log):
        try:
            Path("data/features").iterdir().__next__()
        except OSError as error:
            raise DataError("data/features", "no such store") from error

    monkeypatch.delenv("DVC_STAGE", raising=False)
    with pytest.raises(SystemExit):
        run_stage("x", main)
    assert "no such store; `dvc repro x` makes before it" in capsys.readouterr().err


@pytest.mark.parametrize("error", [DataError("a.csv", "row 3: close is empty"), KeyboardInterrupt()])
def test_a_stage_run_by_hand_has_nothing_to_bring_back(monkeypatch, capsys, error):
    """Its outputs are whole or not written at all, so those of before are still there."""
    monkeypatch.delenv("DVC_STAGE", raising=False)
    with pytest.raises(SystemExit):
        run_stage("x", fail_with(error))
    assert "git checkout" not in capsys.readouterr().err


def test_a_folder_of_logs_that_cannot_be_written_is_one_line(tmp_path, capsys):
    """Said on the terminal, since nothing else can be."""
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(SystemExit) as ended:
        run_stage("x", fail_with(ZeroDivisionError()))
    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert said.startswith("stages.x: [Errno 17] File exists: 'logs'")
    assert said.count("\n") == 1


@pytest.mark.parametrize("error", [ZeroDivisionError(), OSError("of no number")])
def test_a_defect_shows_its_traceback(error):
    """What no user caused is not dressed up as a mistake of theirs."""
    with pytest.raises(type(error)):
        run_stage("x", fail_with(error))


def test_a_stage_says_what_it_did_to_terminal_and_file(tmp_path, capsys):
    """Lines go to both, with the seconds at the end."""
    run_stage("x", lambda log: log.info("read 3 rows"))
    said = capsys.readouterr().err
    assert said.startswith("stages.x: read 3 rows\nstages.x: done in ")
    assert "INFO read 3 rows" in (tmp_path / "logs" / "x.log").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here that is always full")
def test_a_log_on_a_full_disk_is_one_line_and_the_stage_goes_on(tmp_path):
    """In a process of its own, whose end would tell of what was left to write."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/ingest.log").symlink_to("/dev/full")
    script = (
        "from tapeline.stage import run_stage\n"
        "run_stage('ingest', lambda log: (log.info('one'), log.info('two')))\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    one, full, two, end = done.stderr.splitlines()
    assert (done.returncode, one, two) == (0, "stages.ingest: one", "stages.ingest: two")
    assert full.startswith("stages.ingest: logs/ingest.log: can't be written (No space left on device); ")
    assert end.startswith("stages.ingest: done in")


def test_the_level_is_set_by_the_environment(monkeypatch, capsys):
    """WARNING silences what INFO says; an unknown level is refused in one line."""
    monkeypatch.setenv("TAPELINE_LOG_LEVEL", "warning")
    run_stage("x", lambda log: log.info("quiet"))
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("TAPELINE_LOG_LEVEL", "LOUD")
    with pytest.raises(
        SystemExit, match="TAPELINE_LOG_LEVEL is 'LOUD': must be DEBUG, INFO, WARNING or ERROR"
    ):
        run_stage("x", lambda log: None)
    assert logging.getLogger("stages.x").propagate is False


@pytest.mark.parametrize(("number", "how"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")])
def test_a_signal_ends_it_in_one_line(tmp_path, number, how):
    """A scheduler's as a person's: what is kept is said, and the status is the signal's."""
    main = "lambda log: (log.info('begun'), time.sleep(60))"
    stage = f"import time; from tapeline.stage import run_stage; run_stage('x', {main})"
    running = subprocess.Popen(
        [sys.executable, "-c", stage], cwd=tmp_path, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert running.stderr.readline() == "stages.x: begun\n"
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 128 + number
    assert said == f"stages.x: {how}; nothing half-written is left\n"


def test_a_signal_is_again_what_it_was_behind_a_stage():
    """A process that runs several has its own way with it."""
    before = signal.getsignal(signal.SIGTERM)
    run_stage("x", lambda log: None)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.slow
def test_a_stage_ends_with_the_dvc_that_ran_it(tmp_path):
    """Killed, that can't tell it; going on, it would write beside the stage of the next `dvc repro`."""
    stage = "import time; from tapeline.stage import run_stage; run_stage('x', lambda log: time.sleep(60))"
    parent = "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', sys.argv[1]]); "
    parent += "print(p.pid, flush=True); p.wait()"
    dvc = subprocess.Popen(
        [sys.executable, "-c", parent, stage], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env=os.environ | {"DVC_STAGE": "x", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    child = int(dvc.stdout.readline())
    while not (tmp_path / "logs/x.log").exists():  # has begun
        time.sleep(0.02)
    dvc.kill()
    assert dvc.stdout.read() == ""  # at its end, which both hold open
    dvc.wait()
    assert not Path(f"/proc/{child}/fd/1").exists()
