"""What a candidate was chosen on, as a release judges it: by all tests, its own alone, or not at all."""

from tapeline.models.table import OF_MODELS
from tapeline.promotion.gates import FAILED, PASSED, Verdict
from tapeline.promotion.selection import NOTHING, OWN_TEST, Selection

GATE, LIMIT = "release.selection", "before its test"
CANDIDATE = "candidate_"  # how figures of the candidate's own test begin


def judge_selection_gate(artifact: str, verdicts: list[Verdict], selection: Selection) -> Verdict:
    """Judge what `artifact` was chosen on, beside its other `verdicts`; `value`: trials that saw a test.

    Where that was later than the first test, gates on figures of all folds can refuse it, and say nothing by
    passing: it fails unless a gate on the candidate's own test has passed.
    """
    reason, status = selection.statement, FAILED if selection.judged_on == NOTHING else PASSED
    if selection.judged_on == OWN_TEST:
        passed = [v.gate for v in verdicts if v.status == PASSED and v.gate.split(".")[0] in OF_MODELS]
        own = [gate for gate in passed if gate.split(".")[1].startswith(CANDIDATE)]
        others = [gate for gate in passed if gate not in own]
        status = PASSED if own else FAILED
        reason += f"; passed there: {', '.join(own) or f'no gate ({CANDIDATE}...)'}"
        reason += f"; say nothing, being of all folds: {', '.join(others)}" if others else ""
    return Verdict(artifact, GATE, float(selection.late), LIMIT, None, status, reason)
