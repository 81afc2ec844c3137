"""`dvc exp run -S` changes the lines that it is told to, and leaves the rest of params.yaml as it is."""

import difflib
import json

import pytest
from dvc.exceptions import InvalidArgumentError
from dvc.utils.hydra import apply_overrides  # what `-S` calls
from ruamel.yaml import YAML

from tapeline.closure import ROOT

TEXT = (ROOT / "params.yaml").read_text()
UNSPELLABLE = ("gates.", "ftmo.programs.")  # README says so: Hydra takes neither a dot nor `2-step` in a name


def set_params(tmp_path, *overrides):
    """Lines taken away and added when DVC sets `overrides` in a copy of params.yaml."""
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    apply_overrides(path, list(overrides))
    changes = list(difflib.ndiff(TEXT.splitlines(), path.read_text().splitlines()))
    return [line[2:] for line in changes if line[0] == "-"], [line[2:] for line in changes if line[0] == "+"]


def leaves(values, prefix=""):
    """Dotted keys of everything that is no mapping, with its value."""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def test_every_key_can_be_set_and_one_set_to_its_own_value_changes_nothing(tmp_path):
    """All keys in one command, but those that README leaves to an editor."""
    values = dict(leaves(YAML(typ="safe").load(TEXT)))
    keys = [key for key in values if not key.startswith(UNSPELLABLE)]
    assert len(keys) > 150
    overrides = [f"{key}={json.dumps(values[key])}" for key in keys]
    assert set_params(tmp_path, *overrides) == ([], [])


def test_only_the_lines_of_what_is_set_change(tmp_path):
    """A number, a word, a date, a list that shrinks and one that grows; comments stay in their column."""
    gone, new = set_params(
        tmp_path,
        "data.source=files",
        "data.symbols=[LTC-USD]",
        "simulation.start=2024-02-01",
        "train.learning_rate=1e-3",
        "signals.trade_tiers=[A,B]",
        "costs.instruments.BTCUSD.spread_bps=3.5",
    )
    assert [line.split("#")[0].strip() for line in new] == [
        "source: files", "- LTC-USD", "start: '2024-02-01'", "learning_rate: 0.001", "- B", "spread_bps: 3.5",
    ]  # fmt: skip
    assert len(gone) == 6  # both symbols for one, and no line for the second tier
    assert {line.index("#") for line in new if "#" in line} == {31}


def test_an_instrument_is_added_with_a_plus(tmp_path):
    """README's way: DVC takes a key that is not there only with `+`, and adds lines alone."""
    added = ["+instruments.ADA-USD=ADAUSD", "+costs.instruments.ADAUSD={contract_size:1000.0,leverage:1.0}"]
    gone, new = set_params(tmp_path, *added)
    assert gone == []
    assert [line.strip() for line in new if line] == [
        "ADA-USD: ADAUSD", "ADAUSD:", "contract_size: 1000.0", "leverage: 1.0",
    ]  # fmt: skip
    with pytest.raises(InvalidArgumentError):
        set_params(tmp_path, added[0].removeprefix("+"))
