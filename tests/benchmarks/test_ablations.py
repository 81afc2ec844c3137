"""Ablations: what may be changed, said before anything is trained; and the rows that all are scored on."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.ablations import Variant, narrowed, network_days, read_variant, with_windows_of
from tapeline.errors import ArgumentError
from tests.tuning.market import make_plan

GROUPS = ["one", "two"]  # of the market's two features


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Of a small market."""
    monkeypatch.chdir(tmp_path)
    return make_plan()


def test_a_variant_is_read(plan):
    """Numbers as YAML has them, several changes with commas between, groups beside them."""
    found = read_variant("train.seeds=2,without=one,train.averaging=0", plan, GROUPS)
    assert (found.values, found.without) == ({"train.seeds": 2, "train.averaging": 0}, ("one",))
    rate = read_variant("train.learning_rate=1e-4", plan, GROUPS).values
    assert plan.sections(plan.present | rate)[1].learning_rate == 1e-4


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train.seed", "'train.seed' must be KEY=VALUE"),
        ("train.seeds=2,", "'' must be KEY=VALUE"),
        ("train.sedes=2", "no key train.sedes; nearest is seeds; must be in model or train"),
        (
            "transformer.layers=1",
            "no key transformer.layers; must be in model or train, which the LSTM reads",
        ),
        ("train.seeds=0", "greater than or equal to 1"),
        ("train.averaging=1", "less than 1"),
        ("train.epochs=many", "valid integer"),
        ("train.sequence_length=4", "train.minimum_context = 5 <= train.sequence_length = 4"),
        ("without=ones", "no group ones; nearest is one; must be one of one, two"),
        ("without=one,without=two", "leaves no feature"),
    ],
)
def test_what_cannot_be_tried_is_told(plan, text, told):
    """With the variant, the change and what may stand there."""
    with pytest.raises(ArgumentError, match=told) as error:
        read_variant(text, plan, GROUPS)
    assert str(error.value).startswith(repr(text))


def test_all_are_scored_on_rows_with_the_longest_window(plan):
    """A longer window takes rows from every variant alike, so that pairs are of the same candles."""
    longer = read_variant("train.sequence_length=30", plan, GROUPS)
    plan = with_windows_of(plan, [Variant(), longer])
    parts = [plan.rows(plan.sections(plan.present | each.values)[1]) for each in (Variant(), longer)]
    for short, long in zip(*parts, strict=True):
        np.testing.assert_array_equal(short.test, long.test)
        np.testing.assert_array_equal(short.validation, long.validation)
        segment = plan.table.segment
        assert (segment[short.test - 29] == segment[short.test]).all()


def test_a_group_that_is_left_out_is_not_seen(plan):
    """Whatever its features are, the losses are the same; those of the other matter."""
    without = Variant("without=two", without=("two",))
    days = network_days(narrowed(plan, without, GROUPS), without)
    for column, is_same in ((1, True), (0, False)):
        features = plan.table.features.copy()  # a file that is read alone
        features[:, column] = 0.0
        spoilt = replace(plan, table=replace(plan.table, features=features))
        assert (network_days(narrowed(spoilt, without, GROUPS), without) == days) == is_same
