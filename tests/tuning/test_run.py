"""`make tune` from params to page: what is said before, on the way and last, for either network."""

import io

import pytest
from optuna.trial import TrialState

from tapeline.errors import ArgumentError
from tapeline.models.ranges import TuneParams
from tapeline.promotion.selection import TuningRecord, judge_selection
from tapeline.tuning.run import read_tune, run_search
from tapeline.tuning.study import finished, folder_of, open_study
from tests.tuning.market import make_plan, search_params


@pytest.mark.parametrize("network", ["lstm", pytest.param("transformer", marks=pytest.mark.slow)])
def test_a_search_trains_tells_and_leaves_page_and_record(tmp_path, monkeypatch, network):
    """Real trainings; every trial told once, the command last, everything where the lines say."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan(network=network, trials=3)
    params, said = search_params(), []
    lines = run_search(params, read_tune(params, "3", network), said.append)
    assert said[0].startswith(
        "LSTM: model." if network == "lstm" else "Transformer: train.learning_rate, transf"
    )
    assert f"the last candle seen is {plan.last_candle:%Y-%m-%d %H:%M}" in said[1]
    assert f"first reported test begins {plan.first_test:%Y-%m-%d %H:%M}" in said[1]
    assert [line.split(":")[0] for line in said[3:]] == ["1 of 3", "2 of 3", "3 of 3"]
    assert lines[-1].startswith("dvc exp run -S ")
    assert (tmp_path / "reports/tuning.html").is_file()
    record = TuningRecord.read_file(tmp_path / f"tuning/{network}-{plan.key}.json")
    assert f"written: reports/tuning.html, tuning/{record.name}" in lines[0]
    assert len(record.trials) == 3
    assert all(trial.score > 0.5 for trial in record.trials if trial.score is not None)
    assert judge_selection([record], "unknown", plan.first_test, plan.own_test).judged_on == "walk_forward"
    study = open_study(plan, folder_of(plan) / "journal.log")
    assert [trial.state for trial in finished(study)].count(TrialState.COMPLETE) >= 2


def test_progress_stands_on_a_terminal_alone(tmp_path, monkeypatch, capfd):
    """Elsewhere a line a trial, and no bar."""
    monkeypatch.chdir(tmp_path)
    make_plan()
    params, said = search_params(), []
    run_search(params, read_tune(params, "1", "lstm"), said.append)
    assert "%|" not in capfd.readouterr().err

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stderr", Terminal())
    told = []
    run_search(params, read_tune(params, "2", "lstm"), told.append)
    assert len(said) == 3 + 1
    assert len(told) == 3


@pytest.mark.parametrize("trials", ["0", "-3", "many", "1.5", "²", "100001"])
def test_a_count_that_is_none_is_told(trials):
    """As it was given."""
    with pytest.raises(ArgumentError, match=f"TRIALS is '{trials}': must be a whole number from 1 to 100000"):
        read_tune(search_params(), trials, "")


def test_what_is_not_given_is_as_params_say():
    """Count and network, each by itself."""
    params = search_params()
    assert read_tune(params, "", "") == params.section("tune", TuneParams)
    assert read_tune(params, "7", "").trials == 7
    assert read_tune(params, "", "transformer").network == "transformer"
    with pytest.raises(ArgumentError, match="NETWORK is 'gru': must be one of lstm, transformer"):
        read_tune(params, "", "gru")
