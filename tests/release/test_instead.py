"""What is offered where a network is refused because a rule does as well."""

import pytest

from tapeline.closure import ROOT
from tapeline.models.table import NETWORKS
from tapeline.params import Params
from tapeline.promotion.gates import Gate, GateParams, judge_value
from tapeline.promotion.release_record import RunRecord
from tapeline.release.instead import LEAD, baselines_instead

LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"
BOTH = [(LSTM, "baseline-direction"), (TRANSFORMER, "baseline-trend")]
LINE = "{} is not surely better than the best control: promote the baseline, `make promote MODEL={}`"


def lead(artifact, value):
    """The verdict on a network's lead over every control."""
    name = artifact.partition("-")[0]
    return [judge_value(artifact, f"{name}.lead_over_controls_low", Gate(min=0.0), value)]


def run(**accuracies):
    """A run whose baselines were judged by their accuracy."""
    gates = (
        judge_value(f"baseline-{label}", f"baseline_{label}.accuracy_all", Gate(min=0.6), value)
        for label, value in accuracies.items()
    )
    return RunRecord(bundles={}, gates=tuple(gates))


@pytest.mark.parametrize(
    ("leads", "direction", "offered"),
    [
        ({LSTM: 0.01, TRANSFORMER: 0.0}, 0.7, []),
        ({LSTM: -0.01, TRANSFORMER: 0.0}, 0.7, BOTH[:1]),
        ({TRANSFORMER: -0.01}, 0.7, BOTH[1:]),
        ({LSTM: -0.01, TRANSFORMER: -0.1}, 0.7, BOTH),
        ({LSTM: -0.01}, 0.5, []),
    ],
)
def test_the_baseline_of_the_same_label_is_offered_if_its_own_gates_let_it(leads, direction, offered):
    """Nothing where the network leads, nothing where the rule is no good either."""
    verdicts = {artifact: lead(artifact, value) for artifact, value in leads.items()}
    told = baselines_instead(verdicts, run(direction=direction, trend=0.7))
    assert told == [LINE.format(network, baseline) for network, baseline in offered]


def test_every_network_has_the_gate_among_those_that_are_shipped():
    """At 0, and a lead that is not defined fails: it is right and wrong on the rows of a control."""
    gates = Params.read(ROOT / "params.yaml").section("gates", GateParams)
    for model in NETWORKS:
        assert gates.root[model.artifact][f"{model.name}.{LEAD}"] == Gate(min=0.0)


def test_a_network_that_fails_elsewhere_is_not_told_to_give_way():
    """Only the lead over the controls says that a rule does as well."""
    other = [judge_value(LSTM, "lstm.accuracy_all", Gate(min=0.68), 0.5)]
    assert baselines_instead({LSTM: other + lead(LSTM, 0.1)}, run(direction=0.7, trend=0.7)) == []
