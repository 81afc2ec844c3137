"""A trial: the network's own training on every inner fold, scored on what neither it nor its stop saw."""

import math

import numpy as np
import pytest

from tapeline.errors import ParamsError
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import run_fold
from tapeline.tuning.trial import Standing, add_days, constant_loss, run_trial
from tests.training.test_read_training import START
from tests.tuning.market import make_plan

VALUES = {"model.hidden": 4, "model.layers": 1, "train.learning_rate": 0.02}


def ignore(step, value):
    """Report to nobody."""


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a search on a small market."""
    monkeypatch.chdir(tmp_path)
    return make_plan()


def test_a_score_is_the_log_loss_of_the_inner_tests_of_networks_trained_as_ever(plan):
    """Against the same trainings made one by one, and the formula; by day it adds up to the same."""
    architecture, train = plan.sections(VALUES)
    losses, labels = [], plan.table.labels
    for rows in plan.rows(train):
        result = run_fold(
            make_fabric(train),
            lambda: plan.model.build(2, architecture, 12),
            plan.table,
            rows,
            train,
            "again",
        )
        p, y = result.predictor(rows.test), labels[rows.test]
        losses += [-math.log(each) if up else -math.log(1 - each) for each, up in zip(p, y, strict=True)]
    scored = run_trial(plan, VALUES, ignore, "trial")
    assert scored.score == pytest.approx(sum(losses) / len(losses), abs=1e-6)
    assert sum(rows for _, rows in scored.days.values()) == len(losses)
    assert list(scored.days) == sorted(scored.days)
    assert f"{START:%Y-%m}" in next(iter(scored.days))
    assert run_trial(plan, VALUES, ignore, "trial") == scored  # to the bit


def test_every_epoch_of_every_fold_is_reported_once_in_order(plan):
    """Steps are the same epoch of the same fold in all trials."""
    steps = []
    scored = run_trial(plan, VALUES, lambda step, value: steps.append(step), "trial")
    assert steps == [fold * 2 + epoch for fold in (0, 1) for epoch in range(1, scored.epochs[fold] + 1)]
    assert len(scored.validation) == len(scored.epochs) == 2


def test_a_report_may_end_the_trial(plan):
    """Whatever it raises passes through the training."""

    def stop(step, value):
        raise StopAsyncIteration(f"after step {step}")

    with pytest.raises(StopAsyncIteration, match="after step 1"):
        run_trial(plan, VALUES, stop, "trial")


def test_a_fold_begins_with_the_weights_of_the_one_before_only_where_it_is_asked(plan):
    """As in a training: the first fold is the same, the second is another network's."""
    cold, warm = (
        run_trial(plan, VALUES | {"train.warm_start": is_warm}, ignore, "trial") for is_warm in (False, True)
    )
    assert cold.validation[0] == warm.validation[0]
    assert cold.validation[1] != warm.validation[1]


def test_values_that_cannot_go_together_are_told(tmp_path, monkeypatch):
    """Each in its range, and yet no network."""
    monkeypatch.chdir(tmp_path)
    ranges = {"transformer": {"heads": [2, 4], "d_model": [8, 12]}}
    plan = make_plan(network="transformer", ranges=ranges)
    with pytest.raises(ParamsError, match="must divide transformer.d_model = 12"):
        run_trial(plan, {"transformer.heads": 4, "transformer.d_model": 12}, ignore, "trial")
    assert run_trial(plan, {"transformer.heads": 2, "transformer.d_model": 8}, ignore, "trial").score > 0


def test_a_standing_is_the_mean_over_folds_of_the_best_so_far_less_a_constant():
    """By hand; a fold of which little can be known does not make a trial look bad."""
    told = []
    standing = Standing(lambda step, value: told.append((step, round(value, 6))), epochs=3, seeds=1)
    for constant, losses in ((0.69, (0.68, 0.70, 0.67)), (0.60, (0.61, 0.57))):
        standing.begin(constant)
        for epoch, loss in enumerate(losses, 1):
            standing({"epoch": epoch, "validation_loss": loss, "member": 0})
    assert told == [(1, -0.01), (2, -0.01), (3, -0.02), (4, -0.005), (5, -0.025)]


def test_members_of_a_fold_are_averaged_and_have_steps_of_their_own():
    """By hand: two of the three members that a fold may have; the next fold begins where three would end."""
    told = []
    standing = Standing(lambda step, value: told.append((step, round(value, 6))), epochs=2, seeds=3)
    for members in ([(0.68, 0.66), (0.70, 0.67)], [(0.60,)]):
        standing.begin(0.69)
        for member, losses in enumerate(members):
            for epoch, loss in enumerate(losses, 1):
                standing({"epoch": epoch, "validation_loss": loss, "member": member})
    assert told == [(1, -0.01), (2, -0.03), (3, -0.01), (4, -0.025), (7, -0.0575)]


@pytest.mark.slow
def test_a_trial_of_several_seeds_is_scored_by_their_average(plan, tmp_path, monkeypatch):
    """Against networks trained with each seed alone; steps leave room for the most that a trial may have."""
    architecture, train = plan.sections(VALUES | {"train.seeds": 2})
    losses = []
    for rows in plan.rows(train):
        logits = [
            run_fold(
                make_fabric(train), lambda: plan.model.build(2, architecture, 12), plan.table, rows,
                train.model_copy(update={"seed": train.seed + k, "seeds": 1}), "again",
            ).predictor.logits(rows.test).numpy()
            for k in range(2)
        ]  # fmt: skip
        z, y = np.mean(logits, axis=0), plan.table.labels[rows.test]
        losses += list(np.logaddexp(0, z) - y * z)
    monkeypatch.chdir(tmp_path)
    wider = make_plan(ranges={"train": {"seeds": [1, 3]}})
    steps = []
    scored = run_trial(wider, VALUES | {"train.seeds": 2}, lambda step, value: steps.append(step), "trial")
    assert scored.score == pytest.approx(np.mean(losses), abs=1e-6)
    assert len(steps) == sum(scored.epochs) == len(set(steps))
    assert all((step - 1) // 2 in {0, 1, 3, 4} for step in steps)  # of 2 epochs, 3 members: two of each fold


def test_the_constant_is_the_mean_training_label_on_the_rows_that_decide_when_to_stop(plan):
    """Cross-entropy of validation labels against it, by its formula."""
    _, train = plan.sections(VALUES)
    rows = plan.rows(train)[0]
    p = plan.table.labels[rows.train].mean()
    y = plan.table.labels[rows.validation]
    expected = -(y.mean() * math.log(p) + (1 - y.mean()) * math.log(1 - p))
    assert constant_loss(plan.table, rows, train) == pytest.approx(expected)


def test_a_day_in_the_tests_of_two_folds_is_added_up():
    """Sums and rows of both."""
    days = {}
    add_days(days, np.array([19723, 19723, 19724]), np.array([0.5, 0.25, 1.0]))
    add_days(days, np.array([19724]), np.array([2.0]))
    assert days == {"2024-01-01": (0.75, 2), "2024-01-02": (3.0, 2)}
