"""Section `sweep`: keys of trading that a sweep can vary, and everything else refused in a line each."""

from copy import deepcopy

import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.models.ranges import Range
from tapeline.models.swept import SECTIONS, SweepParams, steps_of, swept_mistakes, with_value
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def lines(section, key, values, mode="grid"):
    """What is said of one range, be it by the section or by its keys."""
    sweep = deepcopy(SHIPPED["sweep"]) | {"mode": mode, "ranges": {section: {key: values}}}
    try:
        read = Params({"sweep": sweep}).section("sweep", SweepParams)
        return [str(error) for error in swept_mistakes(read, {name: SHIPPED[name] for name in SECTIONS})]
    except ParamsError as error:
        return [str(error)]


@pytest.mark.parametrize(
    ("section", "key", "values", "told"),
    [
        ("signals", "stop", {"low": 8, "high": 4}, "low = 8 must be less than high = 4"),
        ("signals", "stop", {"low": 2.0, "high": 4.0}, "must have a step, or be a list of values"),
        ("signals", "stop", {"low": 2, "high": 4, "step": 1e-6}, "no more than 10000 steps"),
        ("signals", "stop", [0.0, 4.0], "0.0 can't be signals.stop: must be greater than 0"),
        ("signals", "stop", ["a", 4.0], "'a' can't be signals.stop: must be a valid number"),
        ("signals", "stop", [4.0], "must be a list of at least two values, or a map of low, high, log and"),
        ("signals", "stop", [4.0, 4.0], "must hold no value twice"),
        ("signals", "stpo", [2.0, 4.0], "is no known key; nearest is stop"),
        (
            "signals",
            "tiers.a",
            [[0.6, 1.0], [0.7, 1.0]],
            "signals.tiers.a is [[0.6, 1.0], [0.7, 1.0]]: is no known key",
        ),
        ("signals", "stop.x", [2.0, 4.0], "is no known key"),
        (
            "signals",
            "tiers.A",
            [[0.6, 1.0], [0.7, 1.0]],
            "[0.6, 1.0] can't be signals.tiers.A: tiers must not",
        ),
        ("signals", "trade_tiers", [["A"], ["D"]], "['D'] can't be signals.trade_tiers: D is no tier of"),
        ("signals", "hold", [0, 15], "0 can't be signals.hold"),
        ("signals", "initial_balance", [1e4, 1e5], "must be the same in all configurations"),
        ("signals", "ablation_trends", [[0.1], [0.2]], "this one is of the report alone"),
        ("costs", "stress", [[1.0], [2.0]], "this one is of the report alone"),
        ("costs", "multiple", {"low": 0, "high": 1}, "must have a step, or be a list"),
        ("costs", "instruments.BTCUSD.spread_bp", [1.0, 2.0], "nearest is spread_bps"),
        ("execution", "latency_s", [-1.0, 1.0], "-1.0 can't be execution.latency_s"),
        ("train", "epochs", [1, 2], "no trading reads it; must be one of signals, costs, execution"),
        ("signal", "stop", [1, 2], "no trading reads it; nearest is signals"),
    ],
)
def test_a_wrong_range_is_told_in_a_line(section, key, values, told):
    """By its key, its value and the rule."""
    (line,) = lines(section, key, values)
    assert line.startswith(f"params.yaml: sweep.ranges.{section}")
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("section", "key", "values", "mode"),
    [
        ("signals", "stop", {"low": 2.0, "high": 4.0}, "random"),
        ("signals", "risk", {"low": 0.001, "high": 0.1, "log": True}, "random"),
        ("signals", "hold", [None, 5], "grid"),
        ("signals", "tier_shares.A", [0.01, 0.02], "grid"),
        ("signals", "tiers", [{"A": [0.8, 1.0]}, {"A": [0.7, 1.0]}], "grid"),
        ("costs", "instruments.BTCUSD.spread_bps", {"low": 1.0, "high": 3.0, "step": 0.5}, "random"),
        ("execution", "exit_commission", [True, False], "grid"),
    ],
)
def test_what_trading_reads_can_be_swept(section, key, values, mode):
    """Numbers, words, lists and maps, below others too."""
    assert lines(section, key, values, mode) == []


def test_the_shipped_section_is_in_order():
    """So that `make sweep` runs as it is."""
    read = Params(SHIPPED).section("sweep", SweepParams)
    assert swept_mistakes(read, {name: SHIPPED[name] for name in SECTIONS}) == []


def test_nothing_to_sweep_is_told():
    """An empty map is a slip of the hand."""
    read = SweepParams.model_validate(SHIPPED["sweep"] | {"ranges": {}})
    (error,) = swept_mistakes(read, {})
    assert "must hold a key of signals, costs, execution" in str(error)


def test_steps_are_as_people_write_them():
    """0.3, not 0.30000000000000004; whole numbers stay whole."""
    assert steps_of(Range(low=0.1, high=0.5, step=0.1)) == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert [type(each) for each in steps_of(Range(low=2, high=4, step=1))] == [int] * 3


def test_a_value_is_set_without_touching_what_it_was():
    """The section that others read stays as it is."""
    before = {"a": {"b": 1, "c": 2}, "d": 3}
    assert with_value(before, "a.b", 5) == {"a": {"b": 5, "c": 2}, "d": 3}
    assert before == {"a": {"b": 1, "c": 2}, "d": 3}
    for key in ("x", "a.x", "d.x"):
        with pytest.raises(KeyError):
            with_value(before, key, 1)
