"""Gates of a release: at the limit, beyond it, and where there is nothing to judge."""

import numpy as np
import pandas as pd
import pytest

from tapeline.promotion.gates import FAILED, NOT_JUDGED, PASSED, Gate
from tapeline.release.champion import Comparison
from tapeline.release.champion_account import AccountFigures, Accounts
from tapeline.release.release_gates import judge_latency, judge_loss, judge_money

NAME = "lstm-direction"
DAYS = pd.date_range("2026-01-12", periods=6, tz="UTC")


@pytest.mark.parametrize(
    ("measured", "status"), [(9.99, PASSED), (10.0, PASSED), (10.01, FAILED), (None, FAILED)]
)
def test_a_prediction_may_take_its_budget_and_no_more(measured, status):
    """What was not measured is not good enough."""
    assert judge_latency(NAME, Gate(max=10.0), measured, measured).status == status


def test_a_busy_machine_fails_no_model():
    """The processor's time is judged; the clock's is told beside it, and how to measure again."""
    verdict = judge_latency(NAME, Gate(max=10.0), 1.25, 52.5)
    assert (verdict.status, verdict.value) == (PASSED, 1.25)
    assert "by the clock 52.5, 51.2 of it the machine's waiting" in verdict.reason
    assert "again: dvc repro --force --single-item latency" in verdict.reason
    assert judge_latency(NAME, Gate(max=10.0), 11.0, 10.5).status == FAILED


@pytest.mark.parametrize(("high", "status"), [(-0.001, FAILED), (0.0, PASSED), (0.002, PASSED)])
def test_a_candidate_surely_worse_than_the_champion_fails(high, status):
    """The champion's loss less its own is below 0 with the whole interval; the line has all three numbers."""
    verdict = judge_loss(NAME, "v1.0.0", Comparison("", high - 0.002, high - 0.004, high, 1234))
    assert (verdict.gate, verdict.status, verdict.value) == ("release.gain_over_champion_high", status, high)
    assert "v1.0.0" in verdict.reason
    assert "1234 rows" in verdict.reason


def test_without_a_comparison_nothing_is_judged_and_nothing_blocks():
    """The reason stands in every verdict."""
    verdicts = [
        judge_loss(NAME, "", Comparison("another label")),
        *judge_money(NAME, "", Accounts("no days")),
    ]
    assert [v.status for v in verdicts] == [NOT_JUDGED] * 3
    assert [v.reason for v in verdicts] == ["another label", "no days", "no days"]
    assert not any(v.blocks for v in verdicts)


def account(low, drawdown):
    """An account of six days."""
    daily = pd.Series(np.full(6, low), index=DAYS)
    return AccountFigures(3, 6 * low, low, drawdown, daily)


@pytest.mark.parametrize(
    ("low", "drawdown", "statuses"),
    [
        (100.0, 0.05, [PASSED, PASSED]),  # equal to the champion's
        (99.0, 0.05, [FAILED, PASSED]),
        (100.0, 0.051, [PASSED, FAILED]),
        (200.0, 0.01, [PASSED, PASSED]),
    ],
)
def test_money_may_not_be_worse_than_the_champions(low, drawdown, statuses):
    """Neither the low end of net PnL nor the deepest drawdown, on the same days."""
    accounts = Accounts("", account(low, drawdown), account(100.0, 0.05), (0.0, -1.0, 1.0))
    verdicts = judge_money(NAME, "v1.2.0", accounts)
    assert [v.gate.removeprefix("release.") for v in verdicts] == [
        "net_pnl_low_over_champion", "max_drawdown_over_champion",
    ]  # fmt: skip
    assert [v.status for v in verdicts] == statuses
    assert verdicts[0].value == pytest.approx(low - 100.0)
    assert verdicts[1].value == pytest.approx(drawdown - 0.05)
