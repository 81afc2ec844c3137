"""What is offered where a network is refused because a rule does as well."""

import pytest

from tapeline.closure import ROOT
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.table import NETWORKS
from tapeline.params import Params
from tapeline.promotion.gates import Gate, GateParams, judge_value
from tapeline.promotion.release_record import RunRecord
from tapeline.release.instead import LEAD, others_instead

LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"
OF_DIRECTION = "the best baseline of direction, `make promote MODEL=baseline-direction`"
OF_TREND = "the best baseline of trend strength, `make promote MODEL=baseline-trend`"
BOTH = [(LSTM, OF_DIRECTION), (TRANSFORMER, OF_TREND)]
MEAN = "the mean of LSTM and best baseline, `make promote MODEL=ensemble-direction`"
LINE = "{} is not surely better than the best control: promote {}"


def lead(artifact, value):
    """The verdict on a network's lead over every control."""
    name = artifact.partition("-")[0]
    return [judge_value(artifact, f"{name}.lead_over_controls_low", Gate(min=0.0), value)]


def run(direction, trend, ensemble=0.5, network=0.5):
    """A run whose other models were judged by their accuracy, of which 0.6 is enough."""
    figures = {"baseline-direction": direction, "baseline-trend": trend, "ensemble-direction": ensemble}
    figures |= {LSTM: network, TRANSFORMER: network}
    gates = (
        judge_value(name, f"{name.replace('-', '_')}.accuracy_all", Gate(min=0.6), value)
        for name, value in figures.items()
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
    told = others_instead(verdicts, run(direction=direction, trend=0.7))
    assert told == [LINE.format(network, baseline) for network, baseline in offered]


def test_both_together_come_first_where_they_are_better():
    """Then the rule alone; of a label without an ensemble the rule; an ensemble gives way to a rule."""
    both = run(direction=0.7, trend=0.7, ensemble=0.7)
    verdicts = {LSTM: lead(LSTM, -0.01), TRANSFORMER: lead(TRANSFORMER, -0.1)}
    assert others_instead(verdicts, both) == [
        LINE.format(LSTM, f"{MEAN}, or {OF_DIRECTION}"), LINE.format(TRANSFORMER, OF_TREND),
    ]  # fmt: skip
    assert others_instead({LSTM: verdicts[LSTM]}, run(0.5, 0.7, 0.7)) == [LINE.format(LSTM, MEAN)]
    name = "ensemble-direction"
    own = [judge_value(name, f"ensemble_direction.{LEAD}", Gate(min=0.0), -0.01)]
    assert others_instead({name: own}, both) == [LINE.format(name, OF_DIRECTION)]
    network = (
        "the LSTM, `make promote MODEL=lstm-direction`"  # which may be the control that it does not beat
    )
    assert others_instead({name: own}, run(0.7, 0.7, 0.7, network=0.7)) == [
        LINE.format(name, f"{network}, or {OF_DIRECTION}")
    ]
    assert others_instead({name: own}, run(0.5, 0.7, 0.7, network=0.7)) == [LINE.format(name, network)]
    slow = [judge_value(LSTM, "release.latency_p99_ms", Gate(max=1.0), 2.0)]  # refused beside it
    assert others_instead({name: own, LSTM: slow}, run(0.5, 0.7, 0.7, network=0.7)) == []


def test_every_network_has_the_gate_among_those_that_are_shipped():
    """At 0, and a lead that is not defined fails: it is right and wrong on the rows of a control."""
    gates = Params.read(ROOT / "params.yaml").section("gates", GateParams)
    for model in (*NETWORKS, *ENSEMBLES):
        assert gates.root[model.artifact][f"{model.name}.{LEAD}"] == Gate(min=0.0)


def test_a_network_that_fails_elsewhere_is_not_told_to_give_way():
    """Only the lead over the controls says that a rule does as well."""
    other = [judge_value(LSTM, "lstm.accuracy_all", Gate(min=0.68), 0.5)]
    assert others_instead({LSTM: other + lead(LSTM, 0.1)}, run(direction=0.7, trend=0.7)) == []
