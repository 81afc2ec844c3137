"""The baseline that is offered: the best of each fold's validation, and what it says; faults are named."""

from dataclasses import replace

import pytest

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.claims import ModelClaims
from tapeline.referee.controls import OF_CONTROLS
from tapeline.referee.examine import examine
from tapeline.referee.findings import Findings
from tapeline.referee.learned import Predictions
from tapeline.referee.offered import check_offered
from tests.referee.hand_made import ACCOUNT, ROWS, TIERS

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in

GOOD, BAD = "logistic_regression", "gradient_boosting"
FOLDS = "fold_0", "fold_1"


def turned(table):
    """The same rows, called the other way round."""
    return table.assign(prediction=1 - table["prediction"])


@pytest.fixture
def kinds(run):
    """Two baselines of direction: what the LSTM says, and that turned round, which the labels contradict."""
    (good,) = (each for each in run.baselines if each.predictions.label == "direction")
    said = run.models[0].predictions
    bad = replace(said, test=turned(said.test), validation=turned(said.validation))
    return {
        kind: replace(
            good,
            predictions=replace(predictions, name=f"direction_{kind}"),
            models={fold: good.models[fold] | {"kind": kind} for fold in FOLDS},
        )
        for kind, predictions in ((GOOD, said), (BAD, bad))
    }


def offered(kinds, kind=GOOD):
    """What the stage leaves if `kind` is offered in every fold."""
    return replace(kinds[kind].predictions, name="baseline_direction"), kinds[kind].models


def found(run, kinds, predictions, models):
    """The first difference, in words; None without one."""
    market = [SymbolCandles.of_table(symbol, table, ROWS) for symbol, table in run.candles.items()]
    findings = Findings()
    check_offered(predictions, models, list(kinds.values()), FOLDS, market, findings)
    assert sum(findings.compared.values()) > 100
    return str(findings.differences[0]) if findings.differences else None


def test_the_best_of_validation_is_right(run, kinds):
    """Its rows are those of the baseline."""
    assert found(run, kinds, *offered(kinds)) is None


def test_another_kind_than_the_best_of_validation_is_named(run, kinds):
    """Though it says what that kind says; with its loss and the least."""
    said = found(run, kinds, *offered(kinds, BAD))
    assert said.startswith(f"baseline_direction's loss of validation, {BAD} (fold 0): ")
    told, least = (float(text) for text in said.partition("(fold 0): ")[2].split(", and must be the least, "))
    assert told > least + 0.1


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_row_that_the_chosen_baseline_does_not_say_is_named(run, kinds, part):
    """Another number, and a row too few."""
    predictions, models = offered(kinds)
    table = getattr(predictions, part).copy()
    table.loc[7, "prediction"] += 1e-3
    said = found(run, kinds, replace(predictions, **{part: table}), models)
    assert said.startswith(f"baseline_direction's prediction, {GOOD} (fold 0, ")
    fewer = getattr(predictions, part).drop(index=7).reset_index(drop=True)
    assert "is not there" in found(run, kinds, replace(predictions, **{part: fewer}), models)


def test_a_kind_that_was_not_fitted_is_named(run, kinds):
    """As its JSON says."""
    predictions, models = offered(kinds)
    other = models | {"fold_1": models["fold_1"] | {"kind": "oracle"}}
    said = found(run, kinds, predictions, other)
    assert said == "baseline_direction's kind (fold 1): oracle, and must be one of those that were fitted"


def test_it_is_examined_beside_the_networks(run, kinds):
    """Its rows, scaler, tiers and figures, here those of the LSTM; what it learned is its kinds'."""
    predictions, models = offered(kinds)
    network = run.models[0]
    rules = {name: figures for name, figures in network.controls.items() if name != "baseline"}
    plain = {key: value for key, value in network.metrics.items() if key not in OF_CONTROLS[True]}
    claims = ModelClaims(
        Predictions("baseline_direction", "direction", predictions.test, predictions.validation),
        None, models, plain, network.detail, rules, network.ceilings,
    )  # fmt: skip
    beside = replace(run, models=(*run.models, claims), baselines=(*kinds.values(), run.baselines[1]))
    assert not about_offered(beside)
    edited = replace(claims, metrics=plain | {"accuracy_all": 0.99})
    found = about_offered(replace(beside, models=(*run.models, edited)))
    assert found == ["baseline_direction.accuracy_all"]
    fitted_too = replace(claims, controls=network.controls)  # a baseline is no control of its own
    found = about_offered(replace(beside, models=(*run.models, fitted_too)))
    assert found == ["baseline_direction: controls"]


def about_offered(run):
    """What is told wrong of the offered baseline."""
    differences = examine(run, ROWS, TIERS, ACCOUNT).differences
    return [each.what for each in differences if each.what.startswith("baseline_direction")]
