"""The referee's own mean of what members say: another number, a row too many, a member left out are named."""

from dataclasses import replace

import pytest

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.claims import ModelClaims
from tapeline.referee.controls import OF_CONTROLS
from tapeline.referee.ensembles import check_ensemble
from tapeline.referee.examine import examine
from tapeline.referee.findings import Findings
from tests.referee.hand_made import ACCOUNT, ROWS, TIERS

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in

PARTS = "test", "validation"


def mean(one, other, name="ensemble_direction"):
    """What the mean of two models says, row by row; both have the same rows in order."""
    tables = {}
    for part in PARTS:
        left, right = getattr(one, part), getattr(other, part)
        said = [(a + b) / 2 for a, b in zip(left["prediction"], right["prediction"], strict=True)]
        tables[part] = left.assign(prediction=said)
    return replace(one, name=name, **tables)


@pytest.fixture
def members(run):
    """The network of direction, and one that is less sure of the same rows."""
    network = run.models[0].predictions
    flat = {
        part: getattr(network, part).assign(prediction=0.4 + 0.2 * getattr(network, part)["prediction"])
        for part in PARTS
    }
    return network, replace(network, name="flat", **flat)


def found(run, predictions, members):
    """The first difference, in words; None without one."""
    market = [SymbolCandles.of_table(symbol, table, ROWS) for symbol, table in run.candles.items()]
    findings = Findings()
    check_ensemble(predictions, members, 2, market, findings)
    assert sum(findings.compared.values()) > 100
    return str(findings.differences[0]) if findings.differences else None


def test_a_mean_is_right(run, members):
    """Of every row of both parts."""
    assert found(run, mean(*members), members) is None


@pytest.mark.parametrize("part", PARTS)
def test_another_number_than_the_mean_is_named(run, members, part):
    """By its candle; a member's own number is another, too."""
    said = mean(*members)
    table = getattr(said, part).copy()
    table.loc[7, "prediction"] += 1e-9
    assert found(run, replace(said, **{part: table}), members).startswith("ensemble_direction's mean (fold 0")
    assert found(run, replace(said, **{part: getattr(members[0], part)}), members) is not None


@pytest.mark.parametrize("part", PARTS)
def test_a_row_that_a_member_does_not_say_is_named(run, members, part):
    """It can be the mean of nothing."""
    fewer = getattr(members[1], part).drop(index=7).reset_index(drop=True)
    told = found(run, mean(*members), (members[0], replace(members[1], **{part: fewer})))
    assert told.startswith("ensemble_direction's mean of flat (fold 0")


def test_it_is_examined_beside_its_members(run, members):
    """Its figures, and its members among its controls: one that is not told of is missed."""
    network, flat = run.models[0], members[1]
    both = members[0], replace(members[0], name="twin")  # so that its figures are the network's
    controls = network.controls | dict.fromkeys(("lstm", "twin"), twin(network))
    plain = {key: value for key, value in network.metrics.items() if key not in OF_CONTROLS[True]}
    claims = ModelClaims(
        mean(*both), None, network.models, plain, network.detail, controls, network.ceilings, both
    )
    beside = replace(run, models=(*run.models, claims))
    assert not about(beside)
    edited = replace(claims, metrics=plain | {"accuracy_all": 0.99})
    assert about(replace(beside, models=(*run.models, edited))) == ["ensemble_direction.accuracy_all"]
    without = replace(claims, controls=network.controls)
    assert about(replace(beside, models=(*run.models, without)))[0] == "ensemble_direction: controls"
    other = replace(claims, members=(both[0], flat))
    assert "ensemble_direction's mean" in about(replace(beside, models=(*run.models, other)))


def twin(network):
    """The figures of a control that says what the model says."""
    own = network.metrics
    ends = {"low": own["accuracy_all_low"], "high": own["accuracy_all_high"]}
    same = {"difference": 0.0, "difference_low": None, "difference_high": None}  # no day differs
    return {"accuracy": own["accuracy_all"], "log_loss": own["log_loss"]} | ends | same


def about(run):
    """What is told wrong of the ensemble."""
    differences = examine(run, ROWS, TIERS, ACCOUNT).differences
    return [each.what for each in differences if "ensemble_direction" in each.what]
