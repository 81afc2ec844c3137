"""FTMO's floors and targets: the examples of its own texts, and the phases of a run made by loops."""

import copy
from dataclasses import replace

import numpy as np
import pytest

from tapeline.referee.floors import judge
from tapeline.referee.moments import Days
from tapeline.referee.rules import PhaseRules, ProgramRules
from tests.referee.hand_made import ACCOUNT, PROGRAM
from tests.referee.test_drawdown import differing

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in

OPEN = PhaseRules(None, 0)
TWO_STEP = ProgramRules(0.05, 0.1, False, None, {})
ONE_STEP = ProgramRules(0.03, 0.1, True, 0.5, {})


def days(*bars):
    """Bars of (day, worst equity, balance, whether a position was opened), without one at open and close."""
    day, low, balance, opened = zip(*bars, strict=True)
    flat = np.array(balance, float)
    before = np.r_[ACCOUNT.initial_balance, flat[:-1]]
    return Days(np.array(day), np.array(low, float), flat, before, flat, np.array(opened))


@pytest.mark.parametrize(
    ("program", "bars", "status", "margin"),
    [
        # The floor follows the midnight balance, up and down, by a fixed sum.
        (TWO_STEP, [(1, 100_000, 102_000, True), (2, 97_001, 102_000, True)], "open", 1),
        (TWO_STEP, [(1, 100_000, 102_000, True), (2, 97_000, 102_000, True)], "daily_loss", 0),
        (TWO_STEP, [(1, 97_000, 97_000, True), (2, 92_001, 97_000, True)], "open", 1),
        (TWO_STEP, [(1, 95_000, 100_000, True)], "daily_loss", 0),
        # A loss carried over midnight is held against the new floor.
        (TWO_STEP, [(1, 96_000, 104_000, True), (2, 98_999, 104_000, False)], "daily_loss", -1),
        # The account's own floor stands.
        (TWO_STEP, [(1, 95_500, 95_500, True), (2, 91_000, 91_000, True), (3, 90_000, 91_000, True)],
         "max_loss", 500),
    ],
)  # fmt: skip
def test_the_days_floor_is_a_fixed_sum_below_the_midnight_balance(program, bars, status, margin):
    """Whatever equity was at midnight; touching it breaks it."""
    result = judge(days(*bars), 0, program, OPEN, ACCOUNT)
    assert (result.status, result.daily_margin) == (status, pytest.approx(margin))


def test_a_trailing_floor_rises_with_the_midnight_balance_and_never_falls():
    """104,000 at a midnight: 94,000 from there on, not after a profit within a day."""
    bars = [
        (1, 100_000, 104_000, True), (2, 103_000, 103_000, True), (3, 102_000, 103_000, True),
        (4, 100_500, 101_000, True), (5, 98_500, 98_500, True), (6, 96_000, 96_000, True),
        (7, 94_000, 95_000, True),
    ]  # fmt: skip
    result = judge(days(*bars), 0, ONE_STEP, OPEN, ACCOUNT)
    assert (result.status, result.bar, result.max_margin) == ("max_loss", 6, pytest.approx(0))


def test_a_target_is_passed_beyond_it_after_enough_days_of_trading():
    """Not at it; a breach in the same candle comes first; the best day may make half of the gains."""
    phase = PhaseRules(0.1, 2)
    at = judge(days((1, 100_000, 105_000, True), (2, 105_000, 110_000, True)), 0, TWO_STEP, phase, ACCOUNT)
    assert at.status == "open"
    bars = [(1, 100_000, 111_000, True), (2, 111_000, 111_000, True)]
    passed = judge(days(*bars), 0, TWO_STEP, phase, ACCOUNT)
    assert (passed.status, passed.bar, passed.trading_days) == ("passed", 1, 2)
    assert judge(days(bars[0], (2, 106_000, 111_000, True)), 0, TWO_STEP, phase, ACCOUNT).status != "passed"
    uneven = judge(
        days((1, 1e5, 108_000, True), (2, 1e5 + 8_000, 111_000, True)), 0, ONE_STEP, phase, ACCOUNT
    )
    assert (uneven.status, uneven.best_day_share) == ("open", pytest.approx(8 / 11))


@pytest.mark.parametrize("key", ["daily_margin", "max_margin", "days", "trading_days", "profit", "status"])
def test_a_phase_that_went_otherwise_is_found(run, key):
    """Each of its figures by itself."""
    account, figures = run.accounts["backtest"]
    phases = copy.deepcopy(figures["phases"])
    phase = phases["one"]["possible"]["funded"]
    phase[key] = "passed" if key == "status" else phase[key] + 1
    told = replace(run, accounts={"backtest": (account, figures | {"phases": phases})})
    assert differing(told) == {f"{key} of one's funded"}


def test_a_verdict_of_other_limits_is_found(run):
    """A day's loss that these trades break; there is a midnight in Prague among them."""
    phase = run.accounts["backtest"][1]["phases"]["one"]["possible"]["funded"]
    assert phase["days"] == 2
    strict = replace(ACCOUNT, programs={"one": replace(PROGRAM, daily_loss=1e-5)})
    assert {"status of one's funded", "ftmo.breached"} <= differing(run, strict)
