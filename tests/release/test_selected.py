"""A candidate chosen on reported candles passes by its own test alone, and by nothing where that was seen."""

import pytest

from tapeline.promotion.gates import FAILED, INSUFFICIENT, NOT_JUDGED, PASSED, Verdict
from tapeline.promotion.selection import Selection, no_selection
from tapeline.release.selected import judge_selection_gate

NAME = "lstm-direction"
OWN = "lstm.candidate_accuracy_all"
GATES = {
    "lstm.accuracy_all": PASSED, "lstm.brier": FAILED, "backtest.trades": PASSED, OWN: PASSED,
    "ftmo.breached": INSUFFICIENT, "backtest.candidate_net_pnl": FAILED, "promotion.leaks": PASSED,
    "release.latency_p99_ms": PASSED,
}  # fmt: skip


def judge(judged_on, late=4, **changes):
    """The verdict on a choice, beside one for each gate; `own` is the status of that on the own test."""
    statuses = GATES | ({OWN: changes["own"]} if changes else {})
    verdicts = [Verdict(NAME, gate, 1.0, ">= 0", 1.0, status, "") for gate, status in statuses.items()]
    chosen = Selection(
        judged_on=judged_on, early=2, late=late, records=("tuning/a.json",), statement="chosen so"
    )
    return judge_selection_gate(NAME, verdicts, chosen)


def test_a_choice_before_the_first_test_is_told_and_blocks_nothing():
    """Nor does none; the number of trials that saw a test stands beside it."""
    found = judge("walk_forward", 0, own=FAILED)
    assert (found.gate, found.status, found.value, found.reason) == (
        "release.selection", PASSED, 0.0, "chosen so",
    )  # fmt: skip
    told = judge_selection_gate(NAME, [], no_selection())
    assert (told.value, told.reason, told.blocks) == (0.0, "no search is on record", False)


def test_a_later_choice_passes_by_the_candidate_s_own_test():
    """It says which gates were of it, and which say nothing; audits and the release's own are neither."""
    found = judge("candidate")
    assert (found.status, found.value) == (PASSED, 4.0)
    assert found.reason == (
        "chosen so; passed there: lstm.candidate_accuracy_all; say nothing, being of all folds: "
        "lstm.accuracy_all, backtest.trades"
    )


@pytest.mark.parametrize("own", [FAILED, NOT_JUDGED, INSUFFICIENT])
def test_a_later_choice_that_no_gate_on_its_own_test_passes_is_refused(own):
    """Gates of all folds that passed do not help."""
    found = judge("candidate", own=own)
    assert found.blocks
    assert "passed there: no gate (candidate_...); say nothing, being of all folds: lstm.acc" in found.reason


@pytest.mark.parametrize("late", [1, 9])
def test_a_choice_that_saw_the_own_test_is_refused(late):
    """Whatever the gates say."""
    found = judge("nothing", late)
    assert (found.blocks, found.value) == (True, late)
