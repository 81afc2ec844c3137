"""What a model is measured against: rules and baselines on the rows that it is scored on, and no others."""

import numpy as np
import pytest

from tapeline.referee.candles import SymbolCandles
from tapeline.referee.controls import OF_CONTROLS, check_controls, past_label
from tapeline.referee.figures import score_rows
from tapeline.referee.findings import Findings
from tapeline.referee.folds import read_parts
from tapeline.schema import DIRECTION
from tests.referee.hand_made import ROWS, with_model
from tests.referee.test_examine import first

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in


@pytest.fixture(scope="module", params=[0, 1], ids=["direction", "trend"])
def asked(request, run):
    """A model's claims, and what its controls are checked with."""
    claims = run.models[request.param]
    market = [SymbolCandles.of_table(symbol, table, ROWS) for symbol, table in run.candles.items()]
    label = claims.predictions.label
    scored = score_rows(claims.predictions.test, label, market, {})
    beside = {"baseline": score_rows(run.baselines[request.param].predictions.test, label, market, {})}
    return claims, scored.rows(~np.isnan(scored.label)), beside, read_parts(run.splits), market


def differing(asked, table=None, metrics=None):
    """What differs of other claims."""
    claims, *given = asked
    findings, name, label = Findings(), claims.predictions.name, claims.predictions.label
    scored, beside, folds, market = given
    told = claims.controls if table is None else table, claims.metrics if metrics is None else metrics
    check_controls(name, label, scored, *told, beside, folds, market, findings)
    return {difference.what for difference in findings.differences}


def test_a_control_that_was_asked_about_other_rows_is_found(asked):
    """Each figure of each rule and baseline by itself."""
    assert differing(asked) == set()
    claims = asked[0]
    for control, figures in claims.controls.items():
        for key, value in figures.items():
            table = claims.controls | {control: figures | {key: value + 1e-7}}
            assert differing(asked, table) == {f"{key} of {control} beside {claims.predictions.name}"}


def test_a_lead_that_is_not_the_least_is_found(asked):
    """Over rules, over all controls, and the best control itself."""
    claims = asked[0]
    for key in OF_CONTROLS[claims.predictions.label == DIRECTION]:
        metrics = claims.metrics | {key: claims.metrics[key] + 1e-7}
        assert differing(asked, metrics=metrics) == {f"{claims.predictions.name}.{key}"}


@pytest.mark.parametrize("gone", ["last_return", "baseline"])
def test_a_control_that_is_left_out_is_found(run, gone):
    """Be it a rule or a baseline: the lead would be told without it."""
    table = {name: figures for name, figures in run.models[0].controls.items() if name != gone}
    assert first(with_model(run, 0, controls=table))[1].startswith("lstm: controls: ")


def test_rules_know_no_label_that_is_not_over(run):
    """The one that ended at the candle, of its own segment: never one that ends later."""
    candles = run.candles["AAA"]
    label = np.sign(candles["close"].to_numpy()[4:] - candles["close"].to_numpy()[:-4])
    known = past_label(SymbolCandles.of_table("AAA", candles, ROWS), "direction")
    own = np.r_[np.full(4, np.nan), np.where(label == 0, np.nan, (label + 1) / 2)]
    is_known = ~np.isnan(known)
    assert is_known.sum() > 300
    assert (known[is_known] == own[is_known]).all()
    begins = np.flatnonzero(np.diff(candles["segment"])) + 1
    for first_row in (0, *begins):
        assert np.isnan(known[first_row : first_row + ROWS.warm_up + ROWS.horizon]).all()
