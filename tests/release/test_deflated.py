"""The gate on the deflated Sharpe ratio: by the trials that are known, never on a ratio there is not."""

import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest

from tapeline.closure import ROOT
from tapeline.evaluation.performance import deflated_sharpe
from tapeline.outputs import write_json
from tapeline.promotion.trials import FILE, Trial, write_trials
from tapeline.release import deflated
from tests.promotion.test_selection import FIRST, record

DAILY = np.random.default_rng(0).normal(100, 500, 70)


def git(folder, *command):
    """Run git."""
    named = "-c", "user.name=t", "-c", "user.email=t@example.org"
    subprocess.run(["git", *named, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository with the shipped params and the figures of 70 traded days."""
    git(tmp_path, "init", "-q", "-b", "main")
    shutil.copy(ROOT / "params.yaml", tmp_path)
    for _ in range(2):
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    monkeypatch.chdir(tmp_path)
    leave(0.99)
    return tmp_path


def leave(ratio, days=70):
    """Write what evaluate leaves of an account."""
    write_json("metrics/backtest.json", {"days": days, "probabilistic_sharpe": ratio})
    write_json("metrics/detail/backtest.json", {"daily_net_pnl": dict(enumerate(DAILY[:days].tolist()))})


@pytest.mark.parametrize("n", [1, 40])
def test_the_gate_holds_the_ratio_by_the_trials_counted(folder, n):
    """One of forty that shows it is worth less; the Transformer trades nothing and has no such gate."""
    write_trials(folder, {Trial(f"{k:016x}", "0" * 16) for k in range(n)})
    (verdict,) = deflated.judge_deflated_sharpe("lstm-direction")
    assert verdict.value == pytest.approx(deflated_sharpe(DAILY, 100_000.0, n), abs=1e-6)
    assert verdict.status == ("passed" if n == 1 else "failed")
    assert verdict.reason.endswith(f"trials counted: {n}")
    assert deflated.judge_deflated_sharpe("transformer-trend") == []


def test_without_a_ratio_nothing_passes(folder):
    """Nor before enough days, where it does not block either."""
    leave(None)
    assert deflated.judge_deflated_sharpe("lstm-direction")[0].status == "failed"
    leave(0.99, days=30)
    assert deflated.judge_deflated_sharpe("lstm-direction")[0].status == "insufficient_data"


def test_a_shallow_clone_can_not_count(folder):
    """It has forgotten what was tried: the line says what to do."""
    git(folder, "clone", "-q", "--depth", "1", f"file://{folder}", "shallow")
    shutil.copytree(folder / "metrics", folder / "shallow/metrics")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder / "shallow")
        (verdict,) = deflated.judge_deflated_sharpe("lstm-direction")
    assert verdict.status == "failed"
    assert "git fetch --unshallow" in verdict.reason


def test_what_is_known_is_written_once(folder):
    """A line says what is new; the second time there is nothing to say."""
    (folder / FILE).write_text('{"code": "b", "params": "p"}\n{"code": "a", "params": "p"}\n')
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "trials")
    (folder / FILE).unlink()
    new = "trials.jsonl: 2 of 2 trials are new; commit it, so that every clone counts them"
    assert deflated.note_trials() == new
    assert deflated.note_trials() == ""
    assert (folder / FILE).read_text().splitlines()[0] == '{"code": "a", "params": "p"}'


@pytest.mark.parametrize(("late", "counted"), [(False, 1), (True, 41)])
def test_trials_of_a_search_deflate_where_they_saw_a_test_and_not_before(folder, late, counted):
    """Forty of them on inner folds are on record alone."""
    test = {"start": FIRST.isoformat(), "end": (FIRST + pd.Timedelta(days=6)).isoformat()}
    write_json("data/splits.json", {"folds": [{"train": test, "validation": test, "test": test}]})
    seen = record(FIRST if late else FIRST - pd.Timedelta(minutes=1), market="unknown", trials=40)
    write_json(f"tuning/{seen.name}", seen.plain())
    (verdict,) = deflated.judge_deflated_sharpe("lstm-direction")
    assert verdict.value == pytest.approx(deflated_sharpe(DAILY, 100_000.0, counted), abs=1e-6)
    assert verdict.reason.endswith(f"trials counted: {counted}")
