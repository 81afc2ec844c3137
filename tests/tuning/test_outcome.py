"""The best of a search beside the present params, day by day; the command that runs it; the record."""

import json
import math
import shlex

import numpy as np
import pytest
from dvc.utils.hydra import apply_overrides
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.nets.days import mean_over_days
from tapeline.promotion.selection import TuningRecord
from tapeline.tuning import study as studies
from tapeline.tuning.outcome import experiment_line, outcome, over_days, record_of, write_record
from tapeline.tuning.study import search, values_of
from tapeline.tuning.trial import Scored
from tests.tuning.market import make_plan


@given(st.lists(st.lists(st.floats(0.1, 2), min_size=1, max_size=5), min_size=1, max_size=6))
def test_means_over_days_are_those_of_their_rows(losses):
    """Value and interval from sums by day are those from all rows one by one."""
    days = {f"2024-01-{k + 1:02}": (sum(rows), len(rows)) for k, rows in enumerate(losses)}
    found = over_days(days)
    expected = mean_over_days(
        np.concatenate(losses), np.repeat(np.arange(len(losses)), [len(rows) for rows in losses])
    )
    assert found.value == pytest.approx(expected.value)
    assert found.days == expected.days
    assert (found.error is None) == (expected.error is None)
    if found.error is not None:
        assert found.error == pytest.approx(expected.error, abs=1e-9)


def test_a_lead_is_paired_by_day():
    """What is the same on both sides of every day has no error."""
    days = {"2024-01-01": (70.0, 100), "2024-01-02": (10.0, 20), "2024-01-03": (33.0, 50)}
    shifted = {day: (total + 0.01 * rows, rows) for day, (total, rows) in days.items()}
    lead = over_days(shifted, days)
    assert lead.value == pytest.approx(0.01)
    assert lead.error == pytest.approx(0, abs=1e-12)


def test_the_command_sets_what_was_found(tmp_path):
    """As the shell hands it to DVC, to the last digit."""
    values = {
        "model.hidden": 96, "model.bidirectional": True, "train.learning_rate": 1.2345678901234567e-05,
        "train.label_weights": "uniqueness",
    }  # fmt: skip
    line = shlex.split(experiment_line(values))
    assert line[:3] == ["dvc", "exp", "run"]
    assert line[3::2] == ["-S"] * 4
    path = tmp_path / "params.yaml"
    path.write_text((ROOT / "params.yaml").read_text())
    apply_overrides(path, line[4::2])
    params = YAML(typ="safe").load(path.read_text())
    for key, value in values.items():
        section, name = key.split(".")
        assert params[section][name] == value
        assert type(params[section][name]) is type(value)


def searched(plan, folder, monkeypatch, losses):
    """A study whose trials have `losses`, by day, in order; None: ended early."""
    left = iter(losses)

    def trial(plan, values, report, title, line=0):
        days = next(left)
        if days is None:
            raise studies.ParamsError("train.learning_rate", 0.1, "diverged")
        return Scored({f"2024-01-0{k + 1}": (loss * 10, 10) for k, loss in enumerate(days)}, [0.7], [1])

    monkeypatch.setattr(studies, "run_trial", trial)
    return search(plan, folder, lambda study: None)


def test_the_best_is_told_beside_the_present_params(tmp_path, monkeypatch):
    """By hand: the least mean over rows, its lead with an interval, the command last."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(trials=4, pruner="none")
    study = searched(plan, tmp_path / "s", monkeypatch, [(0.70, 0.69), None, (0.68, 0.68), (0.66, 0.72)])
    found = outcome(study, plan)
    assert found.numbers == (2, 0)
    assert found.finished == 4
    assert [score.value for score in found.scores] == pytest.approx([0.68, 0.695])
    assert found.lead.value == pytest.approx(0.015)
    assert found.lead.error == pytest.approx(0.005)  # of two days' differences, 0.02 and 0.01
    *told, line = found.lines
    assert line == experiment_line(values_of(found.best))
    assert told[0].startswith("present params, trial 0: log loss 0.695 [")
    assert told[1].startswith("best of 4, trial 2: log loss 0.68 [")
    assert "paired by UTC day, of 2; the best of many is flattered by the choice" in told[2]


def test_present_params_that_are_best_are_told_so(tmp_path, monkeypatch):
    """The command is then theirs."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(trials=2)
    found = outcome(searched(plan, tmp_path / "s", monkeypatch, [(0.5,), (0.6,)]), plan)
    assert found.is_present_best
    assert found.lines[1:] == ["none of 2 is better", experiment_line(plan.present)]


def test_a_record_holds_every_finished_trial_and_what_was_seen(tmp_path, monkeypatch):
    """The same bytes for the same trials; read back, it is what was written."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(trials=3)
    study = searched(plan, tmp_path / "s", monkeypatch, [(0.7,), None, (0.6,)])
    record = write_record(study, plan)
    (path,) = (tmp_path / "tuning").iterdir()
    assert path.name == f"lstm-{plan.key}.json"
    before = path.read_bytes()
    write_record(study, plan)
    assert path.read_bytes() == before
    assert [(trial.number, trial.score) for trial in record.trials] == [(0, 0.7), (1, None), (2, 0.6)]
    assert "diverged" in record.trials[1].why
    assert record.trials[0].params == plan.present
    assert record.last_candle == plan.last_candle.isoformat()
    assert record.first_test == plan.first_test.isoformat()
    read = TuningRecord.read_file(path)
    assert read.trials[2].params["train.learning_rate"] == pytest.approx(
        record.trials[2].params["train.learning_rate"]
    )
    assert not any(math.isnan(v) for t in json.loads(before)["trials"] for v in [t["score"] or 0.0])
    assert record_of(study, plan) == record


def test_a_step_is_told_and_trained_with_as_it_was_written(tmp_path, monkeypatch):
    """Three steps of 0.1 are 0.3 to a computer only nearly; so are the params that it was told."""
    monkeypatch.chdir(tmp_path)
    seen = []
    monkeypatch.setattr(
        studies,
        "run_trial",
        lambda plan, values, *rest: seen.append(values) or Scored({"2024-01-01": (1.0, 2)}, [], []),
    )
    plan = make_plan(trials=12, ranges={"model": {"dropout": {"low": 0.0, "high": 0.9, "step": 0.1}}})
    study = search(plan, tmp_path / "s", lambda study: None)
    tenths = {k / 10 for k in range(10)}
    assert {values["model.dropout"] for values in seen} <= tenths
    assert {trial.params["model.dropout"] for trial in record_of(study, plan).trials} <= tenths
    assert len({values["model.dropout"] for values in seen}) > 4
