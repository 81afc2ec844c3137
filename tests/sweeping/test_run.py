"""How `make sweep` is asked, and what it says while it runs."""

import pytest

from tapeline.errors import ArgumentError, ArtifactError
from tapeline.sweeping.predictions import require_run
from tapeline.sweeping.run import opening, progress, read_on
from tests.sweeping.market import make_sweep, params_of


def test_inner_folds_are_the_default():
    """Anything else is refused by name."""
    assert read_on("") == read_on("inner") == "inner"
    assert read_on("tests") == "tests"
    with pytest.raises(ArgumentError, match="ON is 'test': must be inner or tests"):
        read_on("test")


@pytest.mark.parametrize(
    ("on", "told"), [("inner", "data/features.*dvc repro splits"), ("tests", "lstm.*evaluate")]
)
def test_a_missing_run_is_told_in_a_line(tmp_path, monkeypatch, on, told):
    """With the command that makes it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match=told):
        require_run(on)


def test_progress_is_told_in_tenths_where_there_is_no_terminal():
    """Ten lines at most, of a thousand or of three."""
    for total, step, lines in ((1000, 16, 10), (3, 1, 3), (20, 20, 1)):
        told = []
        with progress(total, "accounts", told.append) as on_done:
            for _ in range(0, total, step):
                on_done(min(step, total))
        assert len(told) == lines
        assert told[-1].endswith(f"of {total} accounts")


def test_the_opening_says_what_tests_cost():
    """How many trials more, before anything runs."""
    plan = make_sweep(params_of(), {"signals": {"stop": [2.0, 3.0]}, "costs": {"multiple": [1.0, 2.0]}})
    assert opening(plan, "inner") == ["3 choices of signals.stop, each under 2 conditions of costs.multiple"]
    assert "6 more trials for good" in opening(plan, "tests")[-1]


def test_draws_that_repeat_are_accounted_for():
    """Two values and that of params.yaml are three choices, however often they are drawn."""
    ranges = {"signals": {"stop": [2.0, 3.0]}}
    told = opening(make_sweep(params_of(), ranges, mode="random", draws=20), "inner")
    assert told == ["3 choices of signals.stop", "of 20 draws: what was drawn before counts once"]
    apart = {"signals": {"stop": {"low": 2.0, "high": 9.0}}}
    assert opening(make_sweep(params_of(), apart, mode="random", draws=20), "inner") == [
        "21 choices of signals.stop"
    ]


def test_a_single_draw_of_what_is_in_params_is_accounted_for():
    """It tries nothing new; a draw of another value is a choice beside that of params.yaml."""
    present = make_sweep(params_of(), {"signals": {"stop": [2.0, 3.0]}}).present.signals.stop
    ranges = {"signals": {"stop": [present, present + 1]}}
    plans = [make_sweep(params_of(), ranges, mode="random", draws=1, seed=seed) for seed in range(8)]
    lines = {len(plan.choices): opening(plan, "inner")[1:] for plan in plans}
    assert lines == {1: ["of 1 draw: what was drawn before counts once"], 2: []}
