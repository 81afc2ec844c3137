"""Gates: limits, missing values and reasons."""

import pytest
from pydantic import ValidationError

from tapeline.errors import ParamsError
from tapeline.promotion.gates import (
    RELEASE,
    Gate,
    GateParams,
    judge,
    summary,
)


def gates(**lstm):
    """Gate params with `lstm` gates and one for the Transformer."""
    return GateParams({"lstm-direction": lstm, "transformer-trend": {"transformer.x": Gate(max=1.0)}})


@pytest.mark.parametrize(
    ("gate", "value", "passed"),
    [
        (Gate(min=0.68), 0.68, True),
        (Gate(min=0.68), 0.6799, False),
        (Gate(max=0.1), 0.1, True),
        (Gate(max=0.1), 0.11, False),
        (Gate(max=1.0), None, False),
        (Gate(max=1.0), float("nan"), False),
        (Gate(min=1.0, may_be_null=True), float("nan"), False),
        (Gate(min=1.0), float("inf"), False),
    ],
)
def test_a_gate_passes_at_its_limit_and_not_beyond(gate, value, passed):
    """Limits are inclusive; what is not defined or no number fails."""
    verdict, _ = judge(gates(**{"lstm.x": gate}), {"lstm": {"x": value}}, "2-step")
    assert (verdict.status == "passed") is passed
    assert verdict.blocks is not passed
    assert verdict.reason
    if verdict.margin is not None:
        assert (verdict.margin >= 0) is passed


@pytest.mark.parametrize(
    ("value", "days", "status"),
    [
        (0.9, 59, "insufficient_data"),
        (1.0, 59, "insufficient_data"),
        (None, 59, "insufficient_data"),
        (None, None, "insufficient_data"),
        (0.9, 60, "failed"),
        (None, 60, "failed"),
        (1.0, 60, "passed"),
    ],
)
def test_a_gate_may_wait_for_enough_days(value, days, status):
    """Judged from the first day, blocking from `from_days` on."""
    metrics = {"lstm": {"x": value}, "backtest": {"days": days}}
    verdict, _ = judge(gates(**{"lstm.x": Gate(min=0.95, from_days=60)}), metrics, "2-step")
    assert verdict.status == status
    assert verdict.blocks is (status == "failed")
    assert ("do not block before 60" in verdict.reason) is (status == "insufficient_data")


def test_every_gate_is_judged():
    """Not only the first to fail."""
    both = {"lstm.x": Gate(min=1.0), "lstm.y": Gate(max=0.0)}
    found = judge(gates(**both), {"lstm": {"x": 0.0, "y": 1.0}, "transformer": {"x": 0.5}}, "2-step")
    assert [(v.gate, v.status, v.margin) for v in found] == [
        ("lstm.x", "failed", -1.0), ("lstm.y", "failed", -1.0), ("transformer.x", "passed", 0.5),
    ]  # fmt: skip


def test_a_metric_that_is_not_there_fails_even_where_null_is_allowed():
    """A misspelt metric must not pass for want of a value."""
    verdict, _ = judge(
        gates(**{"lstm.acuracy": Gate(min=0.0, may_be_null=True)}), {"lstm": {"accuracy": 1}}, "2-step"
    )
    assert verdict.blocks
    assert verdict.reason == "metrics/lstm.json has no acuracy"


def test_gates_are_checked_as_params():
    """Names without a file, two limits or none, artifacts without gates are refused with the rule."""
    with pytest.raises(ValidationError, match="lstm-direction must have at least one gate"):
        gates()
    with pytest.raises(ValidationError, match=r"must be FILE\.METRIC"):
        gates(accuracy=Gate(min=0.5))
    for limits in ({}, {"min": 0.1, "max": 0.2}):
        with pytest.raises(ValidationError, match="exactly one of min and max"):
            Gate(**limits)


THERE = ("lstm-direction", "transformer-trend"), {"lstm": ("accuracy", "x"), "transformer": ("x", "mae")}


def test_gates_are_on_the_models_there_are():
    """An unknown artifact, or one without gates: the rule."""
    known = gates(**{"lstm.x": Gate(min=1.0), "release.deflated_sharpe": Gate(min=0.5)})
    assert known.unknown(*THERE) == []
    (mistake,) = known.unknown(("lstm-direction", "gru-direction"), THERE[1])
    assert "must name exactly the artifacts lstm-direction, gru-direction" in str(mistake)


@pytest.mark.parametrize(
    ("gate", "rule"),
    [
        ("lstm.acuracy", "is no metric; nearest is lstm.accuracy"),
        ("lstm.mae", "is no metric; nearest is transformer.mae"),
        ("lstn.accuracy", "is no metric; nearest is lstm.accuracy"),
        ("lstm.zzz", "is no metric that a gate can judge"),
        ("foo.bar", "is no metric; files are lstm, transformer, release"),
        ("release.latency", "is no metric; there is deflated_sharpe"),
    ],
)
def test_a_gate_on_a_metric_that_does_not_exist_is_a_mistake(gate, rule):
    """Each with artifact, gate and what is nearest, whatever else is wrong."""
    both = {gate: Gate(min=1.0), "lstm.y": Gate(max=0.0)}
    first, second = gates(**both).unknown(*THERE)
    assert str(first) == f"params.yaml: gates.lstm-direction is '{gate}': {rule}"
    assert isinstance(first, ParamsError)
    assert "'lstm.y'" in str(second)


def test_a_metric_that_is_no_number_fails():
    """A table or a name under the gate's key says nothing that a limit could be held against."""
    verdict, _ = judge(gates(**{"lstm.x": Gate(min=0.0)}), {"lstm": {"x": {"BTC-USD": 1.0}}}, "2-step")
    assert verdict.blocks
    assert verdict.reason == "metrics/lstm.json has no number for x"


def test_gates_on_an_account_that_ftmo_does_not_watch_are_neither_passed_nor_failed():
    """Only FTMO's own, and only where the program is none: a null is a failure elsewhere."""
    both = {"ftmo.breached": Gate(max=0), "backtest.net_pnl": Gate(min=0.0)}
    metrics = {"ftmo": {"breached": None}, "backtest": {"net_pnl": 1.0}}
    unwatched = judge(gates(**both), metrics, "none")
    assert [(v.status, v.blocks) for v in unwatched[:2]] == [("not_judged", False), ("passed", False)]
    assert unwatched[0].reason == "ftmo.program is none"
    assert [v.status for v in judge(gates(**both), metrics, "2-step")[:2]] == ["failed", "passed"]


def test_a_null_that_is_allowed_is_not_judged():
    """It neither passes nor blocks."""
    verdict, _ = judge(gates(**{"lstm.x": Gate(max=1.0, may_be_null=True)}), {"lstm": {"x": None}}, "2-step")
    assert (verdict.status, verdict.blocks) == ("not_judged", False)


def test_every_gate_passed_is_said_only_if_every_gate_was_judged():
    """Else how many were not, which, and why; and which failed."""
    metrics = {"lstm": {"x": 1.0, "y": None}, "transformer": {"x": 0.5}, "backtest": {"days": 3}}
    passed = judge(gates(**{"lstm.x": Gate(min=1.0)}), metrics, "2-step")
    assert summary(passed) == "every gate passed, 2 of them"
    y = Gate(min=0.0, may_be_null=True)
    mixed = judge(gates(**{"lstm.x": Gate(min=1.0, from_days=60), "lstm.y": y}), metrics, "2-step")
    assert summary(mixed) == (
        "1 of 3 gates passed, 2 not judged: lstm.x (1 is >= 1; 3 traded days do not block before 60); "
        "lstm.y (not defined on these candles, which is allowed)"
    )
    failed = judge(gates(**{"lstm.x": Gate(min=2.0)}), metrics, "2-step")
    assert summary(failed) == "1 of 2 gates passed, 1 failed: lstm.x (1 is not >= 2)"


def test_gates_of_the_release_are_left_to_it():
    """The pipeline judges none of them; only what a release knows may be named."""
    chosen = gates(**{"lstm.x": Gate(min=1.0), "release.deflated_sharpe": Gate(min=0.95, from_days=60)})
    metrics = {"lstm": {"x": 1.0}, "transformer": {"x": 0.5}}
    assert [v.gate for v in judge(chosen, metrics, "2-step")] == ["lstm.x", "transformer.x"]
    known = {RELEASE: {"deflated_sharpe": 0.9}, "backtest": {"days": 60}}
    (verdict,) = judge(chosen, known, "2-step", of_release=True)
    assert (verdict.gate, verdict.status) == ("release.deflated_sharpe", "failed")
