"""`make check`: the shipped params are in order, and every mistake is one line: key, value, rule."""

import io

import pytest
from ruamel.yaml import YAML

from commands.check import SECTIONS, check
from commands.deps import ROOT
from tapeline.errors import TapelineError
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())


def changed(key, value):
    """The shipped params with one dotted key set (or removed, if value is None)."""
    buffer = io.StringIO()
    YAML(typ="safe").dump(SHIPPED, buffer)
    values = YAML(typ="safe").load(buffer.getvalue())
    *parents, last = key.split(".")
    node = values
    for part in parents:
        node = node.setdefault(part, {})
    if value is None:
        del node[last]
    else:
        node[last] = value
    return Params(values)


def test_the_shipped_params_are_in_order():
    """Every section is known, in one order, and passes."""
    check(Params(SHIPPED))
    assert list(SHIPPED) == list(SECTIONS)


def test_every_line_of_the_shipped_params_has_its_unit():
    """A leaf has a comment on its line, or on the line of the mapping that holds it."""
    section = ""
    for line in (ROOT / "params.yaml").read_text().splitlines():
        section = line if line and not line.startswith(" ") else section
        is_leaf = line.startswith("  ") and not line.startswith(("    ", "  - "))
        assert not is_leaf or "#" in line or "#" in section, line


@pytest.mark.parametrize(
    ("key", "value", "parts"),
    [
        ("modle.hidden", 3, ["modle", "is no known section"]),
        ("model.hiden", 3, ["model.hiden", "3", "is no known key"]),
        ("model.hidden", None, ["model.hidden", "is missing"]),
        ("model.hidden", "64", ["model.hidden", "'64'", "integer"]),
        ("model.dropout", 1.0, ["model.dropout", "1.0", "less than 1"]),
        ("transformer.heads", 7, ["heads = 7 must divide transformer.d_model = 32"]),
        ("train.chunk_length", 513, ["train.chunk_length", "513", "<= transformer.max_length = 512"]),
        ("train.sequence_length", 257, ["sequence_length = 257 <= train.chunk_length = 256 must hold"]),
        ("train.minimum_context", 61, ["minimum_context = 61 <= train.sequence_length = 60"]),
        ("train.calibration", "sigmoid", ["train.calibration", "'sigmoid'", "'none', 'platt'"]),
        ("train.learning_rate", -1, ["train.learning_rate", "-1", "greater than 0"]),
        ("data.interval", "5m", ["data.interval", "'5m'", "must be 1m where data.source is simulated"]),
        ("data.interval", "2m", ["data.interval", "'2m'", "'1m', '5m'"]),
        ("data.symbols", [], ["data.symbols", "at least 1"]),
        ("data.symbols", ["A", "A"], ["data.symbols", "A"]),
        ("features.exclude", ["rsi"], ["features.exclude", "rsi is no feature"]),
        ("features.groups", {"returns": True}, ["features.groups", "must name exactly the groups"]),
        ("labels.horizon", 0, ["labels.horizon", "0", "greater than or equal to 1"]),
        ("splits.mode", "random", ["splits.mode", "'random'", "'rolling' or 'expanding'"]),
        ("splits.train", 400.0, ["splits.train = 400.0", "takes 401.0 days of candles, there are 120.0"]),
        ("splits.train", "90d", ["splits.train", "must be days, a number greater than 0, or auto"]),
        ("splits.validation", 0.01, ["splits.validation", "must exceed labels.horizon + splits.embargo"]),
        ("signals.tiers", {"A": [0.6, 1.0], "B": [0.55, 0.65]}, ["signals.tiers", "overlap"]),
        ("signals.risk", 0.0, ["signals.risk", "0.0", "greater than 0"]),
        (
            "instruments",
            {"BTC-USD": "BTCUSD"},
            ["instruments", "must name an instrument for the symbol ETH-USD"],
        ),
        ("instruments.ETH-USD", "ETH", ["instruments.ETH-USD", "'ETH'", "must be one of costs.instruments"]),
        ("execution.latency_s", -1.0, ["execution.latency_s", "-1.0", "greater than or equal to 0"]),
        ("ftmo.guard", 1.0, ["ftmo.guard", "1.0", "less than 1"]),
        ("ftmo.program", "3-step", ["ftmo.programs", "must hold ftmo.program 3-step"]),
        ("gates", {"lstm-direction": {}}, ["gates", "must name exactly the artifacts"]),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_rule(key, value, parts):
    """Wrong key, type, range or combination."""
    with pytest.raises(TapelineError) as caught:
        check(changed(key, value))
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)
