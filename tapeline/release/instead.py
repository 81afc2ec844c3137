"""What to promote where a network is no better than a rule: the best baseline, until a network beats it."""

from tapeline.models.baselines import BASELINES
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.gates import Verdict
from tapeline.promotion.release_record import RunRecord

LEAD = "lead_over_controls_low"  # the network's, over every control


def baselines_instead(verdicts: dict[str, list[Verdict]], run: RunRecord) -> list[str]:
    """For each artifact of `verdicts` that its lead over the controls refuses: the baseline that may go.

    A baseline that a gate of the run refuses is not named.
    """
    lines = []
    for artifact, judged in verdicts.items():
        model = ARTIFACTS[artifact]
        if not any(verdict.blocks and verdict.gate == f"{model.name}.{LEAD}" for verdict in judged):
            continue
        lines += [
            f"{artifact} is not surely better than the best control: promote the baseline, "
            f"`make promote MODEL={baseline.artifact}`"
            for baseline in BASELINES
            if baseline.label == model.label
            and baseline.artifact != artifact
            and not any(verdict.blocks for verdict in run.gates_of(baseline.artifact))
        ]
    return lines
