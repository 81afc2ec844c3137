"""A search goes on after a kill as if there had been none, and counts each trial once."""

import json

import pytest
from optuna.trial import TrialState

from tapeline.errors import ArtifactError, ParamsError
from tapeline.tuning import study as studies
from tapeline.tuning.study import alone, finished, mend, open_study, search
from tapeline.tuning.trial import Scored
from tests.tuning.market import make_plan


class Killed(BaseException):
    """What no code catches."""


class Trials:
    """In place of trainings: a loss that falls with the rate; dies in the trials of number `kills`."""

    def __init__(self, kills=()):
        self.ran, self.kills = [], list(kills)

    def __call__(self, plan, values, report, title, line=0):
        """Two epochs of a trial."""
        self.ran.append(dict(values))
        loss = 0.7 - values["train.learning_rate"] + 0.01 * values["model.hidden"]
        report(1, loss)
        if len(self.ran) in self.kills:
            raise Killed
        report(2, loss)
        return Scored({"2024-01-01": (loss, 1)}, [loss], [2])


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a search on a small market, of eight trials."""
    monkeypatch.chdir(tmp_path)
    return make_plan(trials=8)


def run(plan, folder, trials, patch, on_trial=lambda study: None):
    """Search with `trials` in place of trainings."""
    patch.setattr(studies, "run_trial", trials)
    return search(plan, folder, on_trial)


def results(study):
    """Params and value of every finished trial, in order."""
    return [(trial.params, trial.value, trial.state.name) for trial in finished(study)]


@pytest.mark.parametrize(("n", "kills"), [(4, [1]), (8, [2]), (8, [8]), (5, [2, 3, 4]), (14, [12])])
def test_a_killed_search_ends_as_one_that_was_not(tmp_path, monkeypatch, n, kills):
    """The same params, values and pruned ones; the interrupted are tried again, none is counted twice."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(trials=n)  # from the eleventh on they are chosen by those before
    whole = run(plan, tmp_path / "whole", Trials(), monkeypatch)
    trials = Trials(kills)
    for _ in kills:
        with pytest.raises(Killed):
            run(plan, tmp_path / "killed", trials, monkeypatch)
    study = run(plan, tmp_path / "killed", trials, monkeypatch)
    assert results(study) == results(whole)
    assert len(finished(study)) == n
    assert len(trials.ran) == n + len(kills)
    states = [trial.state for trial in study.get_trials()]
    assert states.count(TrialState.FAIL) == len(kills)
    assert set(states) <= {TrialState.FAIL, TrialState.COMPLETE, TrialState.PRUNED}


def test_the_first_trial_is_of_the_present_params_and_trials_differ(plan, tmp_path, monkeypatch):
    """Every value within its range; another seed tries others."""
    trials = Trials()
    run(plan, tmp_path / "one", trials, monkeypatch)
    assert trials.ran[0] == plan.present
    assert len({json.dumps(values) for values in trials.ran}) == 8
    assert all(plan.ranges["train.learning_rate"].holds(v["train.learning_rate"]) for v in trials.ran)
    assert all(values["model.hidden"] in (2, 4) for values in trials.ran)
    other = Trials()
    run(make_plan(trials=8, seed=1), tmp_path / "two", other, monkeypatch)
    assert other.ran[0] == plan.present
    assert other.ran[1:] != trials.ran[1:]


def test_more_trials_go_on_and_present_params_that_changed_are_tried(plan, tmp_path, monkeypatch):
    """A count that is reached runs nothing more, but for params that it has not seen."""
    run(plan, tmp_path / "s", Trials(), monkeypatch)
    again = Trials()
    assert len(finished(run(plan, tmp_path / "s", again, monkeypatch))) == 8
    assert again.ran == []
    assert len(finished(run(make_plan(trials=10), tmp_path / "s", again, monkeypatch))) == 10
    assert len(again.ran) == 2
    object.__setattr__(plan, "present", plan.present | {"train.learning_rate": 0.03})
    run(plan, tmp_path / "s", again, monkeypatch)
    assert again.ran[2:] == [plan.present]


def test_what_a_kill_leaves_in_the_journal_is_mended(plan, tmp_path, monkeypatch):
    """Half a line, and a lock that Optuna would wait half a minute for; whole lines stay."""
    trials = Trials([3])
    with pytest.raises(Killed):
        run(plan, tmp_path / "s", trials, monkeypatch)
    journal = tmp_path / "s/journal.log"
    whole = journal.read_bytes()

    def leave():
        journal.write_bytes(whole + b'{"op_code":4,"trial')
        (tmp_path / "s/journal.log.lock").symlink_to(journal)

    leave()
    mend(journal)
    assert journal.read_bytes() == whole
    assert not (tmp_path / "s/journal.log.lock").is_symlink()
    leave()
    assert len(finished(run(plan, tmp_path / "s", trials, monkeypatch))) == 8


def test_an_interrupted_trial_is_tried_again_with_its_own_params(plan, tmp_path, monkeypatch):
    """Which no draw of this search would give, as where several ran side by side."""
    drawn = {"model.hidden": 4, "model.layers": 2, "train.learning_rate": 0.0123456789012345}
    run(make_plan(trials=2), tmp_path / "s", Trials(), monkeypatch)
    study = open_study(plan, tmp_path / "s/journal.log")
    study.enqueue_trial(drawn)
    study.ask({key: studies.distribution(values, plan, key) for key, values in plan.ranges.items()})
    study.ask()  # interrupted before its params were chosen: those of the next will do
    trials = Trials()
    again = run(plan, tmp_path / "s", trials, monkeypatch)
    assert trials.ran[0] == studies.written(drawn)
    assert len(finished(again)) == 8
    assert len(trials.ran) == 6
    assert finished(again)[2].params == drawn


def test_a_search_that_is_at_work_is_left_alone(tmp_path, monkeypatch):
    """A second one ends in a line, and so does one that meets a process of a killed search."""
    monkeypatch.setattr(studies, "SECONDS_TO_END", 0.05)
    with alone(tmp_path / "s"):
        with pytest.raises(ArtifactError, match="another `make tune` is at work on this search"):
            with alone(tmp_path / "s"):
                pass
    with studies.at_work(tmp_path / "s/journal.log"):
        with pytest.raises(ArtifactError, match="another `make tune` is at work"):
            with alone(tmp_path / "s"):
                pass
    with alone(tmp_path / "s") as journal:
        assert journal == tmp_path / "s/journal.log"


def test_a_trial_worse_than_half_of_those_before_is_ended_early(plan, tmp_path, monkeypatch):
    """Not before enough are finished, never the present params, and only where pruning is on."""
    on = run(plan, tmp_path / "on", Trials(), monkeypatch)
    states = [trial.state for trial in finished(on)]
    assert TrialState.PRUNED in states
    assert TrialState.PRUNED not in states[: plan.tune.unpruned]
    off = run(make_plan(trials=8, pruner="none"), tmp_path / "off", Trials(), monkeypatch)
    assert {trial.state for trial in finished(off)} == {TrialState.COMPLETE}


def test_present_params_are_never_pruned(plan, tmp_path, monkeypatch):
    """Tried late, and the worst of all."""
    run(plan, tmp_path / "s", Trials(), monkeypatch)
    object.__setattr__(plan, "present", {"model.hidden": 4, "model.layers": 1, "train.learning_rate": 1e-4})
    study = run(plan, tmp_path / "s", Trials(), monkeypatch)
    assert finished(study)[-1].params == plan.present
    assert finished(study)[-1].state == TrialState.COMPLETE


def test_a_trial_that_cannot_go_on_counts_and_says_why_and_of_the_present_params_ends_the_search(
    plan, tmp_path, monkeypatch
):
    """A divergence is an answer; but the present params have to give one."""

    def diverges(plan, values, report, title, line=0):
        if values != plan.present:
            raise ParamsError("train.learning_rate", values["train.learning_rate"], "diverged")
        return Scored({"2024-01-01": (0.7, 1)}, [0.7], [1])

    study = run(plan, tmp_path / "s", diverges, monkeypatch)
    assert len(finished(study)) == 8
    assert all("diverged" in trial.user_attrs["why"] for trial in finished(study)[1:])

    def all_diverge(plan, values, report, title, line=0):
        raise ParamsError("train.learning_rate", 1.0, "diverged")

    with pytest.raises(ParamsError, match="diverged"):
        run(plan, tmp_path / "t", all_diverge, monkeypatch)
    assert finished(open_study(plan, tmp_path / "t/journal.log")) == []


def test_the_caller_hears_of_every_trial(plan, tmp_path, monkeypatch):
    """Once before the first, and after each."""
    heard = []
    run(plan, tmp_path / "s", Trials(), monkeypatch, lambda study: heard.append(len(finished(study))))
    assert heard == list(range(9))
