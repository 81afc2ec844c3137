"""Section `tune`: ranges of keys that a trial can vary, and everything else refused in a line each."""

from copy import deepcopy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.models.lstm import LSTM
from tapeline.models.ranges import FIXED, Range, TuneParams, range_mistakes
from tapeline.models.table import NETWORKS
from tapeline.nets.params import TrainParams
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def read(ranges=None, **changes):
    """Section `tune` as shipped, with other keys or ranges."""
    tune = deepcopy(SHIPPED["tune"]) | changes | ({} if ranges is None else {"ranges": ranges})
    return Params({"tune": tune}).section("tune", TuneParams)


def lines(section, key, values):
    """What is said of one range, be it by the section or by its keys."""
    try:
        return [str(error) for error in range_mistakes(read({section: {key: values}}))]
    except ParamsError as error:
        return [str(error)]


def test_the_shipped_ranges_are_in_order_and_hold_the_shipped_params():
    """So that `make tune` runs as it is, for either network."""
    tune = read()
    assert range_mistakes(tune) == []
    for model in NETWORKS:
        for key, values in tune.of(model).items():
            section, name = key.split(".")
            present = SHIPPED[section][name]
            assert values.holds(present) if isinstance(values, Range) else present in values, key


@pytest.mark.parametrize(
    ("section", "key", "values", "told"),
    [
        ("model", "hidden", {"low": 8, "high": 4}, "low = 8 must be less than high = 4"),
        (
            "model",
            "hidden",
            {"low": 8, "high": 8.5},
            "8.5 can't be model.hidden: must be a valid int",
        ),
        ("model", "hidden", {"low": 8, "high": 16, "step": 3}, "a whole number of steps of 3 above low"),
        ("model", "hidden", {"low": 0, "high": 8}, "0 can't be model.hidden: must be"),
        ("model", "hidden", {"low": 8, "high": 16, "stp": 2}, "stp: Extra inputs are not permitted"),
        ("model", "hidden", {"high": 16}, "low: is missing"),
        (
            "model",
            "hidden",
            64,
            "must be a list of at least two choices, or a map of low, high, log and step",
        ),
        ("model", "hidden", [64], "must be a list of at least two choices"),
        ("model", "hidden", [64, 64], "must hold no choice twice"),
        ("model", "hidden", [64, [1]], "must be a list of numbers, words, true or false"),
        ("model", "hiden", [32, 64], "is no known key; nearest is hidden"),
        ("model", "bidirectional", {"low": 0, "high": 1}, "0 can't be model.bidirectional"),
        ("model", "dropout", {"low": 0.0, "high": 1.0}, "1.0 can't be model.dropout: must be less"),
        ("train", "learning_rate", {"low": 0, "high": 1, "log": True}, "low must be greater than 0"),
        ("train", "learning_rate", {"low": 0.1, "high": 1, "log": True, "step": 0.1}, "there is no step"),
        ("train", "label_weights", ["uniform", "unique"], "'unique' can't be train.label_weights"),
        ("labels", "horizon", [5, 15], "stages before a training make, which a trial does not run; compare"),
        ("splits", "folds", [2, 3], "dvc exp run --queue -S 'splits.KEY=A,B'"),
        ("signals", "stop", [2.0, 3.0], "no training reads it; must be one of model, transformer, train"),
        ("modle", "hidden", [2, 3], "no training reads it; nearest is model"),
    ],
)
def test_a_range_that_no_trial_can_have_is_one_line(section, key, values, told):
    """With the key, what stands there and what to do."""
    (line,) = lines(section, key, values)
    assert line.startswith(f"params.yaml: tune.ranges.{section}")
    assert told in line
    assert "\n" not in line


@pytest.mark.parametrize("key", sorted(FIXED))
def test_how_a_trial_is_measured_and_run_is_the_same_for_all(key):
    """Each of these keys exists, and is refused."""
    assert key in TrainParams.model_fields
    (line,) = lines("train", key, [1, 2])
    assert "must be the same in all trials" in line


@pytest.mark.parametrize(
    ("section", "key"),
    [(model.section, key) for model in NETWORKS for key in model.architecture.model_fields]
    + [("train", key) for key in TrainParams.model_fields if key not in FIXED],
)
def test_every_other_key_of_a_training_can_be_varied(section, key):
    """Between its present value and another that the section takes by itself."""
    present = SHIPPED[section][key]
    others = {bool: lambda: not present, str: lambda: "uniqueness", int: lambda: present // 2 or 2}
    other = others.get(type(present), lambda: present / 2)()
    assert lines(section, key, [present, other]) == []


def test_a_network_is_searched_in_its_own_keys_and_those_of_all():
    """Sorted, the other network's left out; none at all is told."""
    assert list(read().of(LSTM)) == [
        "model.dropout", "model.hidden", "model.layers", "train.learning_rate", "train.weight_decay",
    ]  # fmt: skip
    with pytest.raises(ParamsError, match="must hold a key of model or train, which the LSTM reads"):
        read({"transformer": {"layers": [1, 2]}}).of(LSTM)


def test_an_unknown_network_is_told_those_there_are():
    """In a line."""
    with pytest.raises(ParamsError, match="tune.network is 'gru': must be one of lstm, transformer"):
        read(network="gru")


@given(
    low=st.integers(-50, 50), steps=st.integers(1, 20), step=st.integers(1, 7), value=st.integers(-80, 300)
)
def test_a_range_holds_its_steps_alone(low, steps, step, value):
    """Counted one by one."""
    values = Range(low=low, high=low + steps * step, step=step)
    assert values.holds(value) == (value in [low + k * step for k in range(steps + 1)])
    assert not values.holds(True)
