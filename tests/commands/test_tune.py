"""`make tune` as a process: killed in the middle and run again, alone and with trials side by side."""

import json
import os
import shutil
import subprocess
import time
from collections import Counter

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from ruamel.yaml import YAML

from commands.tune import main
from tapeline.closure import ROOT
from tapeline.ending import run_command
from tests.tuning.market import make_plan, search_params
from tests.warm import warm_python

SECONDS = 120  # that anything may take on a busy machine


def write_project(folder, workers):
    """A small market and params of a search whose trials take long enough to be killed in."""
    folder.mkdir()
    os.chdir(folder)
    make_plan()
    params = search_params(workers=workers, pruner="none")._values
    params["train"] |= {"epochs": 25, "patience": 25}
    with (folder / "params.yaml").open("w") as file:
        YAML().dump(params, file)


def begin(folder, *arguments):
    """Start the command in `folder`."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    return subprocess.Popen(
        [warm_python(), "-m", "commands.tune", *arguments], cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def finish(process, status=0):
    """What a process prints, after checking how it ends."""
    out, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == status, out
    return out


def record_of(folder):
    """The record of the search in `folder`, None where there is none yet."""
    found = list((folder / "tuning").glob("*.json"))
    return json.loads(found[0].read_text()) if found else None


def trials_of(folder):
    """All trials in the journal."""
    (journal,) = (folder / ".tuning").glob("*/journal.log")
    storage = JournalStorage(JournalFileBackend(str(journal)))
    return storage.get_all_trials(storage.get_all_studies()[0]._study_id)


def kill_after(process, folder, n):
    """Kill -9 when `n` trials are finished and another has begun."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        record = record_of(folder)
        if (
            record
            and len(record["trials"]) >= n
            and any(t.state.name == "RUNNING" for t in trials_of(folder))
        ):
            break
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.kill()
    process.communicate(timeout=SECONDS)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_search_that_was_killed_goes_on_and_counts_each_trial_once(tmp_path, monkeypatch, workers):
    """What was interrupted is tried again; alone, the record is to the byte that of a search never killed."""
    monkeypatch.chdir(tmp_path)
    write_project(tmp_path / "killed", workers)
    kill_after(begin(tmp_path / "killed", "5", "lstm"), tmp_path / "killed", 2)
    interrupted = [trial.params for trial in trials_of(tmp_path / "killed") if trial.state.name == "RUNNING"]
    out = finish(begin(tmp_path / "killed", "5", "lstm"))
    record, states = (
        record_of(tmp_path / "killed"),
        Counter(t.state.name for t in trials_of(tmp_path / "killed")),
    )
    assert [trial["number"] for trial in record["trials"]] == list(range(5))
    assert states == {"COMPLETE": 5, "FAIL": len(interrupted)}
    assert 1 <= len(interrupted) <= workers
    whole = [trial.params for trial in trials_of(tmp_path / "killed") if trial.state.name == "COMPLETE"]
    assert all(params in whole for params in interrupted if len(params) == 3)
    assert len({json.dumps(trial["params"]) for trial in record["trials"]}) == 5
    assert out.splitlines()[-1].startswith("dvc exp run -S model.hidden=")
    assert (tmp_path / "killed/reports/tuning.html").is_file()
    if workers == 1:
        write_project(tmp_path / "whole", workers)
        finish(begin(tmp_path / "whole", "5", "lstm"))
        (one,), (other,) = ((tmp_path / name / "tuning").iterdir() for name in ("killed", "whole"))
        assert one.name == other.name
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["0", ""], "TRIALS is '0': must be a whole"),
        (["", "gru"], "NETWORK is 'gru': must be one of lstm, tr"),
    ],
)
def test_a_mistake_ends_in_a_line(tmp_path, monkeypatch, given, told):
    """Without a traceback, and before anything is read."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.setattr("sys.argv", ["tune", *given])
    with pytest.raises(SystemExit) as end:
        run_command(main)
    assert str(end.value).startswith(told)
    assert "\n" not in str(end.value)
