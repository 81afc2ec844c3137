"""What trials share: rows before the first reported test, and a name that tells searches apart."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import ArgumentError, ArtifactError, ParamsError, SplitError
from tapeline.models.ranges import TuneParams
from tapeline.splits import inner
from tapeline.splits.folds import TimeFold
from tapeline.tuning import plan as planning
from tapeline.tuning.plan import network_of, plan_tuning
from tests.training.test_read_training import HORIZON, MINUTE
from tests.tuning.market import EMBARGO, SPLITS, make_plan, search_params


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a search on a small market."""
    monkeypatch.chdir(tmp_path)
    return make_plan()


@pytest.mark.parametrize("missing", ["data/features", "data/splits.json"])
def test_a_search_before_the_first_run_says_what_makes_its_inputs(plan, tmp_path, missing):
    """By the path that everybody knows, and with the command."""
    (tmp_path / missing).rename(tmp_path / "aside")
    params = search_params()
    with pytest.raises(ArtifactError, match=rf"^{missing}: is not there; `dvc repro splits`"):
        plan_tuning(params, params.section("tune", TuneParams))


def days(low, high):
    """Of a part of the reported folds; a day is a candle here."""
    return st.just("auto") | st.integers(low, high).map(float)


def nothing_reaches_a_test(plan, horizon, hold, embargo):
    """No row of any part, its label and position included, comes within the embargo of the first test."""
    for fold in plan.rows(plan.sections(plan.present)[1]):
        for rows in vars(fold).values():
            opens = plan.timestamp.iloc[rows]
            if ((opens + (max(horizon, hold or horizon) + embargo) * MINUTE) >= plan.first_test).any():
                return False
    return plan.last_candle < plan.first_test


CASES = {
    "mode": st.sampled_from(["rolling", "expanding"]),
    "folds": st.integers(1, 3),
    "train": days(150, 400),
    "validation": days(50, 90),
    "test": days(20, 80),
    "embargo": st.integers(0, 20),
}


@settings(max_examples=12)
@given(splits=st.fixed_dictionaries(CASES), horizon=st.integers(1, 12), hold=st.none() | st.integers(1, 30))
def test_nothing_that_trials_use_reaches_a_reported_test(tmp_path_factory, splits, horizon, hold):
    """Of any splits: counted by the rows that trials really have, and by the record's own last candle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("plan"))
        plan = make_plan(1, horizon, hold, splits)
        assert nothing_reaches_a_test(plan, horizon, hold, splits["embargo"])


def test_a_purge_that_is_a_candle_short_is_seen(tmp_path, monkeypatch):
    """Planted: inner folds that count the label, and not the longer position."""
    cut = inner.inner_folds
    monkeypatch.setattr(planning, "inner_folds", lambda *a: cut(*a[:5], a[4]))
    monkeypatch.chdir(tmp_path)
    plan = make_plan(1, horizon=5, hold=6)
    assert not nothing_reaches_a_test(plan, 5, 6, EMBARGO)


def test_a_search_on_the_reported_folds_knows_that_it_has_seen_their_tests(tmp_path, monkeypatch):
    """Planted: the mean validation loss of the folds that are reported; validation lies in a test before."""

    def reported(outer, *_):
        return [TimeFold(fold.train, fold.validation, fold.validation) for fold in outer]

    monkeypatch.setattr(planning, "inner_folds", reported)
    monkeypatch.chdir(tmp_path)
    plan = make_plan()
    assert plan.first_test <= plan.last_candle < plan.own_test


def test_validation_and_test_are_the_same_rows_for_any_length_of_a_window(tmp_path, monkeypatch):
    """Those with a window as long as any trial may have; training rows follow the trial's own."""
    monkeypatch.chdir(tmp_path)
    ranges = {"train": {"sequence_length": [8, 12, 20]}}
    plan = make_plan(ranges=ranges)
    short, long = (plan.rows(plan.sections({"train.sequence_length": n})[1]) for n in (8, 20))
    assert len(short) == len(long) == 2
    for a, b in zip(short, long, strict=True):
        assert np.array_equal(a.validation, b.validation)
        assert np.array_equal(a.test, b.test)
        assert plan.has_label[a.test].all()
        assert plan.has_label[a.validation].all()
    only = make_plan(ranges={"model": {"hidden": [2, 4]}})
    assert only.longest("train.sequence_length") == 12
    assert len(only.rows(only.sections({})[1])[0].test) > len(short[0].test)  # shorter windows suffice


def test_the_name_tells_apart_what_is_not_searched_and_nothing_else(tmp_path, monkeypatch):
    """Data, other params, ranges and the way of searching; not how many trials, nor a searched param."""
    monkeypatch.chdir(tmp_path)
    plan = make_plan()
    params = search_params()

    def key(section, **changes):
        changed = type(params)(params._values | {section: params._values[section] | changes})
        return plan_tuning(changed, changed.section("tune", TuneParams)).key

    same = [key("tune", trials=99), key("tune", workers=3), key("train", learning_rate=0.01)]
    same += [key("model", hidden=4), key("train", workers=7), key("transformer", d_model=16)]
    assert set(same) == {plan.key}
    others = [
        key("train", weight_decay=0.5), key("train", seed=5), key("model", dropout=0.3), key("tune", seed=1),
        key("tune", pruner="none"), key("tune", folds=3), key("tune", unpruned=3),
        key("tune", network="transformer"),
        key("tune", ranges={"model": {"hidden": [2, 4]}}), key("data", max_filled_share=0.5),
        key("signals", hold=40), make_plan(market=5).key,
    ]  # fmt: skip
    assert len({plan.key, *others}) == len(others) + 1


def test_present_params_must_be_among_what_is_tried(tmp_path, monkeypatch):
    """The first trial runs with them."""
    monkeypatch.chdir(tmp_path)
    told = (
        r"tune.ranges.model.hidden is \[3, 4\]: must hold model.hidden = 2, with which the first trial runs"
    )
    with pytest.raises(ParamsError, match=told):
        make_plan(ranges={"model": {"hidden": [3, 4]}})


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"model.hidden": 0}, "model must be greater than or equal to 1"),
        ({"model.hidden": 4, "train.learning_rate": 2.0}, "train must be less than or equal to 1"),
    ],
)
def test_values_that_a_section_refuses_are_told(plan, values, told):
    """As a ParamsError, whatever the search was asked for."""
    with pytest.raises(ParamsError, match=told):
        plan.sections(values)


def test_values_are_set_in_the_sections_that_a_training_reads(plan):
    """Others stay as params.yaml has them; no calibration is fitted."""
    architecture, train = plan.sections({"model.hidden": 4, "train.learning_rate": 0.05})
    assert (architecture.hidden, architecture.layers) == (4, 1)
    assert (train.learning_rate, train.sequence_length, train.calibration) == (0.05, 12, "none")


def test_several_processes_of_one_training_are_refused(plan):
    """Trials are what runs side by side."""
    params = search_params()
    params = type(params)(params._values | {"train": params._values["train"] | {"processes": 2}})
    with pytest.raises(ParamsError, match=r"train.processes is 2: must be 1 to tune"):
        plan_tuning(params, params.section("tune", TuneParams))


def test_an_unknown_network_is_told_those_there_are():
    """As it was given on the command line."""
    with pytest.raises(ArgumentError, match="NETWORK is 'gru': must be one of lstm, transformer"):
        network_of("gru")


def test_too_short_a_history_before_the_first_test_is_told(tmp_path, monkeypatch):
    """With what it is short of."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SplitError, match="^inner folds, of the candles before the first test"):
        make_plan(splits=SPLITS | {"train": 100.0, "validation": 40.0, "test": 1400.0, "folds": 1}, folds=9)


def test_the_days_that_are_scored_are_those_of_the_inner_tests(plan):
    """From the first to the last candle of any."""
    first, last = plan.scored
    assert plan.folds[0].test[0] <= first < last < plan.folds[-1].test[1]
    assert last + HORIZON * MINUTE <= plan.last_candle
    assert isinstance(first, pd.Timestamp)
