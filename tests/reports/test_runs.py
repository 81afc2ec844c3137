"""`make runs`: a line a run, what is unknown blank; commits without a run and DVC's own heads are none."""

import json
import subprocess

import numpy as np
import pytest

from tapeline.reports.runs import COMMITS, WORKSPACE, Run, duration, find_runs, index, overfitting

LOCK = """
stages:
  train_lstm:
    deps:
    - path: data/features
      hash: md5
      md5: abcdef0123.dir
      size: 1
    - path: stages/train_lstm.py
      hash: md5
      md5: {code}
"""
PARAMS = "model: {{hidden: {hidden}}}\ndata: {{symbols: [A, B]}}\nftmo: {{until: 23:55}}\n"


def files(hidden=64, code="11", passed=0, days=None):
    """What a run leaves, by path."""
    return {
        "metrics/summary.json": json.dumps({"accuracy": 0.71234, "pnl": -1234.5, "failed": 1 - passed}),
        "metrics/data.json": json.dumps({"A": {"rows": 5, "market": "X"}, "B": {"market": "X"}}),
        "metrics/promotion.json": json.dumps({"passed": passed}),
        "metrics/lstm.json": json.dumps({"accuracy_all": 0.71234567, "mcc": None}),
        "metrics/detail/backtest.json": json.dumps({"reason": None, "daily_net_pnl": days or {}}),
        "dvc.lock": LOCK.format(code=code),
        "params.yaml": PARAMS.format(hidden=hidden),
    }


def test_a_line_says_verdict_revisions_and_duration(tmp_path):
    """Code's revision follows its files alone; params stand as they are written, figures by their file."""
    logs = tmp_path / "runs/brave-owl/logs"
    logs.mkdir(parents=True)
    (logs / "train_lstm.log").write_text("... INFO fold 0\n... INFO done in 12.4 s\n")
    (logs / "evaluate.log").write_text("... INFO done in 3.0 s\n")
    runs = [
        Run("brave-owl", "1234567", "2026-01-01T00:00:00+00:00", files()),
        Run("brave-owl", "1234568", "", files(code="12")),
        Run("brave-owl", "1234569", "", files(passed=1)),
    ]
    table = index(runs, tmp_path / "logs", tmp_path / "runs").lines
    line = table.iloc[0]
    assert (line["verdict"], table["verdict"][2]) == ("refused", "may be promoted")
    assert (line["data"], line["duration_s"]) == ("abcdef0", "15")
    assert (line["accuracy"], line["lstm.accuracy_all"], line["lstm.mcc"]) == (0.71234, 0.71234567, "")
    assert (line["model.hidden"], line["data.symbols"], line["ftmo.until"]) == ("64", '["A", "B"]', "23:55")
    assert table["code"][0] != table["code"][1]
    assert table["code"][0] == table["code"][2]


def test_what_is_not_known_is_blank(tmp_path):
    """A run of before some files were, and without logs."""
    line = index([Run("", WORKSPACE, "", {"metrics/summary.json": "{}"})], tmp_path, tmp_path).lines.iloc[0]
    for name in ("verdict", "data", "code", "duration_s", "created"):
        assert line[name] == ""


def test_what_is_printed_has_what_was_tried_first_and_says_what_it_leaves_out(tmp_path):
    """Params that experiments vary before those that commits changed, rounded figures, 120 columns."""
    runs = [
        Run("", WORKSPACE, "", files()),
        Run("owl", "aaaaaaa", "2026-01-02T00:00:00+00:00", files(hidden=128)),
        *[
            Run("", f"{k:07}", "2026-01-01T00:00:00+00:00", files(), is_commit=True)
            for k in range(COMMITS + 3)
        ],
    ]
    text = index(runs, tmp_path, tmp_path).printed()
    lines = text.splitlines()
    assert len(lines) == 1 + 2 + COMMITS + 1
    assert lines[0].split()[-1] == "model.hidden"
    assert lines[2].split() == ["owl", "aaaaaaa", "X", "refused", "71.2", "%", "−1,234", "1", "128"]
    assert lines[-1] == "3 older commits with a run are in the file alone"
    assert max(map(len, lines)) <= 120
    narrow = index(runs, tmp_path, tmp_path).printed(width=60)
    assert "1 params that vary are in the file alone: model.hidden" in narrow


@pytest.fixture
def repository(tmp_path):
    """Two commits with a run, the second tagged, one without, an experiment, and heads that are DVC's own."""

    def git(*command):
        user = ("-c", "user.name=N", "-c", "user.email=n@n")
        subprocess.run(["git", *user, *command], cwd=tmp_path, check=True, capture_output=True)

    def commit(subject, written):
        for path, text in written.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        git("add", "-A")
        git("commit", "-qm", subject)

    git("init", "-q", "-b", "main")
    commit("code", {"README.md": "nothing yet"})
    commit("first", files(hidden=16, days={"2026-01-01": 1.0}))
    commit("second", files(hidden=32, days={"2026-01-01": 2.0}))
    git("tag", "lstm-direction@v1.0.0")
    commit("words", {"README.md": "more"})
    commit("tried", files(hidden=128))
    git("update-ref", f"refs/exps/ab/{'0' * 38}/brave-owl", "HEAD")
    git("update-ref", "refs/exps/exec/EXEC_HEAD", "HEAD")
    git("update-ref", "refs/exps/celery/stash", "HEAD~1")
    git("reset", "-q", "--hard", "HEAD~1")
    (tmp_path / "params.yaml").write_text(PARAMS.format(hidden=999))
    return tmp_path


def test_runs_are_what_lies_here_experiments_and_commits_that_changed_figures(repository):
    """Each with its own files, whatever lies here now."""
    runs = find_runs(repository)
    lines = index(runs, repository, repository).lines
    assert lines["experiment"].tolist() == ["", "brave-owl", "lstm-direction@v1.0.0", ""]
    assert lines["model.hidden"].tolist() == ["999", "128", "32", "16"]
    assert lines["is_commit"].tolist() == [False, False, True, True]
    assert [run.daily_pnl() for run in runs] == [
        {"2026-01-01": 2.0}, {}, {"2026-01-01": 2.0}, {"2026-01-01": 1.0},
    ]  # fmt: skip


def test_a_stage_that_did_not_end_has_no_duration(tmp_path):
    """Only logs that say so count."""
    (tmp_path / "a.log").write_text("... ERROR interrupted\n")
    assert duration(tmp_path) == ""


def test_overfitting_is_of_the_different_results_over_the_same_days():
    """A repeated run counts once, one over other days or without trades not at all."""
    rng = np.random.default_rng(0)
    days = [f"2026-01-{day:02d}" for day in range(1, 19)]
    runs = [dict(zip(days, rng.normal(0, 1, 18).tolist(), strict=True)) for _ in range(5)]
    line = overfitting([*runs, runs[0], {"2026-02-01": 1.0}, {}])
    assert "from 5 different results over the same 18 days" in line
    assert 0 <= float(line.split(": ")[1].split(",")[0]) <= 1


def test_overfitting_of_too_little_is_not_known():
    """One run, or none."""
    assert "not known from 0 different results" in overfitting([])
    assert "not known from 1 different results" in overfitting([{"2026-01-01": 1.0}])
