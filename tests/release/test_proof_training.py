"""What a training's proof compares."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.outputs import read_json, write_json
from tapeline.release.proof_training import as_written


@given(st.lists(st.floats(0.5, 1.0), min_size=2, max_size=2))
def test_a_bundles_threshold_is_compared_as_evaluate_writes_it(tmp_path_factory, ends):
    """Through a metrics file, whatever its digits; a threshold by share has them all."""
    path = tmp_path_factory.mktemp("metrics") / "evaluation.json"
    write_json(path, {"A": ends})
    assert as_written(ends) == read_json(path)["A"]


def test_another_threshold_stays_another():
    """Ten digits tell two thresholds apart that differ in the ninth."""
    assert as_written([0.52458339, 1.0]) != as_written([0.52458338, 1.0])
    assert json.loads(json.dumps(as_written([0.7, 1.0]))) == pytest.approx([0.7, 1.0])
