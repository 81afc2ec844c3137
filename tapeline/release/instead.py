"""What to promote where a model is no better than another: both together, or that other."""

from tapeline.models.baselines import BASELINES
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.table import ARTIFACTS, NETWORKS
from tapeline.promotion.gates import Verdict
from tapeline.promotion.release_record import RunRecord

LEAD = "lead_over_controls_low"  # a model's, over every control


def others_instead(verdicts: dict[str, list[Verdict]], run: RunRecord) -> list[str]:
    """For each artifact of `verdicts` that its lead over the controls refuses: what may go in its place.

    That is another model of the same label, which no gate refuses, of the run or, where it was judged beside
    it, of the release: an ensemble first, then a network, as an ensemble's best control may be, then a
    baseline.
    """
    lines = []
    for artifact, judged in verdicts.items():
        model = ARTIFACTS[artifact]
        if not any(verdict.blocks and verdict.gate == f"{model.name}.{LEAD}" for verdict in judged):
            continue
        others = [
            f"the {other.title}, `make promote MODEL={other.artifact}`"
            for other in (*ENSEMBLES, *NETWORKS, *BASELINES)
            if other.label == model.label
            and other.artifact != artifact
            and not any(v.blocks for v in verdicts.get(other.artifact, run.gates_of(other.artifact)))
        ]
        if others:
            why = f"{artifact} is not surely better than the best control"
            lines.append(f"{why}: promote {', or '.join(others)}")
    return lines
