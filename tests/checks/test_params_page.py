"""docs/params.md: current, complete, and true of what the models accept and dvc.yaml lists."""

import re

import pytest
import yaml

from tapeline.checks.param_units import MEANINGS, UNITS
from tapeline.checks.params_page import (
    PAGE,
    comments_of,
    first_stages,
    followers,
    keys_of,
    params_page,
    range_of,
)
from tapeline.checks.sections import SECTIONS
from tapeline.closure import ROOT
from tapeline.params import UNHASHED

TEXT = (ROOT / "params.yaml").read_text(encoding="utf-8")
VALUES = yaml.safe_load(TEXT)
STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
KEYS = [key for name, model in SECTIONS.items() if name != "gates" for key in keys_of(name, model)]
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| (.*) \|$", params_page(ROOT), flags=re.MULTILINE))


def cells(name):
    """Shipped, unit, range, meaning and stages of a key's row."""
    return re.split(r" ?(?<!\\)\| ?", ROWS[name])


def test_the_page_is_current():
    """Run `make docs` after a change of params.yaml, of a section's model or of dvc.yaml."""
    assert (ROOT / PAGE).read_text(encoding="utf-8") == params_page(ROOT)


def test_every_key_of_the_file_has_a_row():
    """By its section's fields; gates by artifact and metric."""
    for section, values in VALUES.items():
        for key in values if section not in ("gates", "instruments") else ():
            assert f"{section}.{key}" in ROWS
    page = params_page(ROOT)
    for artifact, gates in VALUES["gates"].items():
        for name in gates:
            assert f"| {artifact} | `{name}` | `" in page


def test_every_key_has_a_meaning():
    """Behind it in params.yaml, behind its field, or in MEANINGS."""
    assert [key.name for key in KEYS if not cells(key.name)[3]] == []


def test_every_number_has_a_unit_and_every_unit_a_key():
    """A new key that is a number is given one in tapeline/checks/param_units.py."""
    numbers = {key.name for key in KEYS if re.search(r"whole|[<>]", range_of(key.kind))}
    assert numbers - set(UNITS) == set()
    assert (set(UNITS) | set(MEANINGS)) - {key.name for key in KEYS} == set()


@pytest.mark.parametrize("name", UNHASHED)
def test_what_decides_no_byte_runs_no_stage(name):
    """As nobody lists it in dvc.yaml."""
    assert cells(name)[4] == "none"


def test_first_stages_are_those_that_list_the_key_or_what_it_lies_in():
    """A key, a key of a listed mapping, a mapping of which keys are listed."""
    stages = {"a": {"params": ["costs.instruments"]}, "b": {"params": ["costs.multiple"]}, "c": {}}
    assert first_stages("costs.multiple", stages) == ["b"]
    assert first_stages("costs.instruments.NAME.kind", stages) == ["a"]
    assert first_stages("costs", stages) == ["a", "b"]
    assert first_stages("costs.instrument", stages) == []


def test_what_may_run_again_is_what_takes_outputs_of_a_stage_at_any_remove():
    """In the file's order; a file of a folder is of that folder."""
    stages = {
        "one": {"outs": ["data/a"]},
        "two": {"deps": ["data/a/x.json"], "metrics": [{"m.json": {"cache": False}}]},
        "three": {"deps": ["m.json"]},
        "four": {"deps": ["data/ab"]},
    }
    assert followers(stages) == {"one": ["two", "three"], "two": ["three"], "three": [], "four": []}
    assert followers(STAGES)["train_lstm"] == ["ensembles", "evaluate", "promote", "latency"]


def test_comments_stand_behind_their_key_whatever_its_depth():
    """With a value, without one, in braces, and none where there is none."""
    text = "a:  # first\n  b: 1     # of b\n  c:\n    d.e: {x: 1}  # of d.e\n  f: 'x#y'\ng: 2\n"
    found = {"a": "first", "a.b": "of b", "a.c": "", "a.c.d.e": "of d.e", "a.f": "", "g": ""}
    assert comments_of(text) == found
    assert list(VALUES) == [name for name in comments_of(TEXT) if "." not in name]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("labels.horizon", "whole >= 1, <= 1,500"),
        ("signals.hold", "whole >= 1, <= 1,500 or empty"),
        ("model.dropout", ">= 0, < 1"),
        ("data.source", "simulated, files"),
        ("costs.stress", "list of >= 0, <= 10"),
        ("data.layout", "one of 21 names"),
        ("train.compile", "true, false"),
        ("costs.instruments", "mapping"),
    ],
)
def test_ranges_are_those_of_the_models(name, said):
    """As words."""
    assert range_of(next(key.kind for key in KEYS if key.name == name)) == said
