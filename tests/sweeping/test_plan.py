"""What a sweep tries: all of a grid or so many draws, params.yaml's own first, each under every condition."""

import pytest

from tapeline.errors import ParamsError
from tests.sweeping.market import make_sweep, params_of


def test_a_grid_is_every_combination_after_the_present_one():
    """Each once: that of params.yaml (6.0 and 0.0) is not tried twice, though it is written as 6."""
    plan = make_sweep(params_of(), {"signals": {"stop": [4.0, 6], "target": [0.0, 3.0]}})
    assert plan.keys == ("signals.stop", "signals.target")
    assert plan.choices == ((6.0, 0.0), (4.0, 0.0), (4.0, 3.0), (6, 3.0))
    assert plan.conditions == ((),)
    assert plan.tried == 4


def test_draws_are_the_same_again_and_within_their_ranges():
    """By the seed alone; whole where the param is, as people write numbers."""
    signals = {"stop": {"low": 2.0, "high": 4.0}, "hold": {"low": 5, "high": 9}, "sides": ["both", "long"]}
    ranges = {"signals": signals | {"risk": {"low": 0.001, "high": 0.1, "log": True}}}
    plans = [make_sweep(params_of(), ranges, mode="random", draws=50, seed=seed) for seed in (1, 1, 2)]
    assert plans[0].choices == plans[1].choices != plans[2].choices
    assert len(plans[0].choices) == 51
    for stop, hold, _, risk in plans[0].choices[1:]:
        assert 2 <= stop <= 4
        assert hold in range(5, 10)
        assert isinstance(hold, int)
        assert 0.001 <= risk <= 0.1
        assert len(str(stop)) <= 8
    assert {choice[2] for choice in plans[0].choices} == {"both", "long"}


def test_costs_and_execution_are_conditions_that_no_draw_chooses():
    """All of them, the present one first, whatever the mode."""
    ranges = {"signals": {"stop": {"low": 2.0, "high": 4.0}}, "costs": {"multiple": [1.0, 2.0]},
              "execution": {"latency_s": [0.5, 60.0]}}  # fmt: skip
    plan = make_sweep(params_of(), ranges, mode="random", draws=3)
    assert plan.given_keys == ("costs.multiple", "execution.latency_s")
    assert plan.conditions == ((1.0, 0.5), (1.0, 60.0), (2.0, 0.5), (2.0, 60.0))
    assert plan.tried == 4 * 4
    assert plan.given(plan.conditions[2]).costs.multiple == 2.0
    assert plan.given(plan.conditions[2]).signals == plan.present.signals


def test_combinations_that_cannot_be_are_left_out_and_told():
    """Two tiers that would overlap."""
    ranges = {"signals": {"tiers.B": [[0.6, 0.7], [0.6, 0.75]], "tiers.A": [[0.7, 1.0], [0.8, 1.0]]}}
    shipped = {"tiers": {"A": [0.8, 1.0], "B": [0.6, 0.7]}, "trade_tiers": ["A"], "tier_by": "confidence"}
    plan = make_sweep(params_of(signals=shipped), ranges)
    assert len(plan.choices) == 3
    assert plan.left_out[0] == 1
    assert "tiers must not overlap" in plan.left_out[1]


def test_the_reach_is_that_of_the_longest_hold_and_delay():
    """What inner folds must end before the first test: a position may be open until then."""
    ranges = {"signals": {"hold": [None, 40]}, "execution": {"latency_s": [0.5, 121.0]}}
    assert make_sweep(params_of(), ranges).reach == 40 + 3 - 1
    assert make_sweep(params_of(), {"signals": {"stop": [1.0, 2.0]}}).reach == 15


def test_the_trend_is_asked_for_only_where_a_configuration_looks_at_it():
    """Its network need not be trained otherwise."""
    assert not make_sweep(params_of(), {"signals": {"stop": [1.0, 2.0]}}).asks_for_trend
    assert make_sweep(params_of(), {"signals": {"minimum_trend": [0.0, 0.1]}}).asks_for_trend


@pytest.mark.parametrize(
    ("ranges", "told"),
    [
        (
            {"signals": {key: {"low": 1, "high": 1000, "step": 0.5} for key in ("stop", "target")}},
            "sweep.ranges.signals is 'a section': makes a grid of",
        ),
        ({"signals": {"stpo": [1, 2]}}, "sweep.ranges.signals.stpo is [1, 2]: is no known key"),
    ],
)
def test_what_cannot_be_planned_ends_in_a_line(ranges, told):
    """Before anything is read or trained."""
    with pytest.raises(ParamsError) as error:
        make_sweep(params_of(), ranges)
    assert told in str(error.value)
