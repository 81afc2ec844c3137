"""`make runs`: one line an experiment, what is unknown blank."""

import numpy as np

from tapeline.reports.runs import duration, index, overfitting

FOUND = {
    "Experiment": "brave-owl", "rev": "1234567", "typ": "branch_commit", "Created": "2026-01-01T00:00:00",
    "parent": "7654321", "accuracy_all": "0.7123", "passed": "0", "model.hidden": "64",
    "data/features": "abcdef0123.dir", "stages/train_lstm.py": "11", "tapeline/nets/lstm.py": "22",
    "requirements.lock": "33",
}  # fmt: skip


def test_a_line_says_verdict_revisions_and_duration(tmp_path):
    """Code's revision follows its files alone; deps themselves are left out; params and metrics stay."""
    logs = tmp_path / "runs/brave-owl/logs"
    logs.mkdir(parents=True)
    (logs / "train_lstm.log").write_text("... INFO fold 0\n... INFO done in 12.4 s\n")
    (logs / "evaluate.log").write_text("... INFO done in 3.0 s\n")
    changed = FOUND | {"tapeline/nets/lstm.py": "23"}
    table = index([FOUND, changed, FOUND | {"requirements.lock": "34"}], tmp_path / "logs", tmp_path / "runs")
    line = table.iloc[0]
    assert line["verdict"] == "refused"
    assert line["data"] == "abcdef0"
    assert line["duration_s"] == "15"
    assert line["accuracy_all"] == "0.7123"
    assert line["model.hidden"] == "64"
    assert table["code"][0] != table["code"][1]
    assert table["code"][0] == table["code"][2]
    assert not {"data/features", "stages/train_lstm.py", "requirements.lock", "typ"} & set(table.columns)


def test_what_is_not_known_is_blank(tmp_path):
    """A commit that was never run has no figures, no verdict, no revisions, no duration."""
    never = {key: "!" if key in ("accuracy_all", "passed") else "" for key in FOUND} | {"rev": "main"}
    line = index([never | {"model.hidden": "64"}], tmp_path, tmp_path).iloc[0]
    for name in ("verdict", "data", "code", "duration_s", "accuracy_all"):
        assert line[name] == ""
    assert line["commit"] == "main"


def test_a_stage_that_did_not_end_has_no_duration(tmp_path):
    """Only logs that say so count."""
    (tmp_path / "a.log").write_text("... ERROR interrupted\n")
    assert duration(tmp_path) == ""


def test_overfitting_is_of_the_different_results_over_the_same_days():
    """A repeated run counts once, one over other days or without trades not at all."""
    rng = np.random.default_rng(0)
    days = [f"2026-01-{day:02d}" for day in range(1, 19)]
    runs = {str(k): dict(zip(days, rng.normal(0, 1, 18).tolist(), strict=True)) for k in range(5)}
    line = overfitting(runs | {"again": runs["0"], "other": {"2026-02-01": 1.0}, "none": {}})
    assert "from 5 different results over the same 18 days" in line
    assert 0 <= float(line.split(": ")[1].split(",")[0]) <= 1


def test_overfitting_of_too_little_is_not_known():
    """One run, or none."""
    assert "not known from 0 different results" in overfitting({})
    assert "not known from 1 different results" in overfitting({"a": {"2026-01-01": 1.0}})
