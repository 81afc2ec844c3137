"""A large run's costs: a sum is found again from small runs, and shared out by whole tasks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.memory import STAGES, Cost, note, noted
from benchmarks.sizing import MEASURED, MINUTES, Measured, Size, memory_model, time_model, wall

SECONDS = st.floats(0.1, 10)


def size(symbols, days, labels):
    """A run of the benchmark's recipe."""
    return Size(symbols, symbols * days * MINUTES, symbols * 10 * MINUTES, labels)


@given(run=SECONDS, candle=st.floats(1e-6, 1e-4), label=st.floats(1e-6, 1e-4))
def test_model_of_a_cost_that_is_a_sum_says_what_a_larger_run_takes(run, candle, label):
    """Run, candles and labels, whatever each of them takes."""

    def cost(of):
        return Cost(0, run + candle * of.candles + label * of.labels * of.folds, 0.0, True)

    runs = [Measured("", of, {"splits": cost(of)}, 0) for of in (size(*each) for each in MEASURED)]
    larger = size(50, 365, 60_000)
    assert time_model(runs, "splits") @ larger.done("splits") == pytest.approx(cost(larger).cpu_s, rel=1e-6)


@given(process=SECONDS, candle=st.floats(0, 1e-3))
def test_memory_of_a_task_by_symbol_hangs_on_a_symbol_and_not_on_all(process, candle):
    """The process and one symbol's candles; two tasks are held at once when it is measured."""

    def cost(of):
        return Cost(2 * (process + candle * of.candles / of.symbols), 0.0, 0.0, True)  # two tasks at once

    runs = [Measured("", of, {"features": cost(of)}, 0) for of in (size(*each) for each in MEASURED)]
    larger = size(500, 365, 0)
    predicted = memory_model(runs, "features") @ larger.held("features")
    assert 2 * predicted == pytest.approx(cost(larger).peak, rel=1e-6)


@pytest.mark.parametrize(
    ("stage", "workers", "hours"),
    [
        ("features", 1, 30.0),
        ("features", 8, 4.0),  # 30 symbols in four rounds of an hour
        ("features", 64, 1.0),
        ("train_lstm", 64, 10.0),  # three folds
        ("train_baselines", 4, 10.0),  # two baselines of three folds: two rounds of five hours
        ("splits", 64, 30.0 / 13),  # a hundred features, eight at once
        ("evaluate", 64, 30.0 * 0.45 + 30.0 * 0.55 / 5),  # five models, and what stays
        ("promote", 64, 30.0),
    ],
)
def test_tasks_are_shared_out_whole(stage, workers, hours):
    """No part is quicker than its largest task."""
    assert wall(30.0, Size(30, 1e6, 1e5, 1e5, folds=3), stage, workers) == pytest.approx(hours)


def test_costs_of_stages_are_kept_beside_what_they_were_run_on(tmp_path):
    """A history whose folder says what it took is not run again."""
    assert noted(tmp_path) == {}
    costs = {stage: Cost(k, 1.5 * k, 2.0 * k, bool(k % 2)) for k, stage in enumerate(STAGES)}
    for stage, cost in costs.items():
        note(tmp_path, stage, cost)
    assert noted(tmp_path) == costs
    assert np.sum([cost.peak for cost in noted(tmp_path).values()]) == sum(range(len(STAGES)))
