"""Every planted mistake is found, and by whom it should be: a sample here, all of them by `make torture`."""

import ast

import pytest
import yaml

from tapeline.closure import ROOT
from tests.plants.plants import PLANTS
from tests.plants.runs import copy_of, find, make_rough_run, make_run, plant

# How each that finds begins to say so: an error of another kind is not a find.
SAYS = {
    "expectations": "stages.expectations: ",
    "splits": "stages.splits: ",
    "ensembles": ("stages.ensembles: models/", "stages.ensembles: data/predictions/"),
    "evaluate": ("stages.evaluate: the referee disagrees: ", "stages.evaluate: data/predictions/"),
    "replay": (
        "lstm-direction: ", "transformer-trend: ", "ensemble-direction: ", "models/candidate: ",
        "data/predictions/",
    ),
    "proof": (
        "ingest: ", "features: ", "splits: ", "train_lstm: ", "train_transformer: ", "train_baselines: ",
        "ensembles: ", "evaluate: ", "ceilings: ",
    ),
}  # fmt: skip
SAMPLE = {  # one of each that finds, and cheap
    "labels of small moves dropped",
    "predictions written for confident rows alone",
    "serving lags a candle",
}


def marked():
    """The plants, those of the sample slow, the others torture."""
    group = pytest.mark.xdist_group("plants")
    kinds = [pytest.mark.slow if mistake.name in SAMPLE else pytest.mark.torture for mistake in PLANTS]
    return [
        pytest.param(mistake, id=mistake.name, marks=[kind, group])
        for mistake, kind in zip(PLANTS, kinds, strict=True)
    ]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The tiny market's run that every mistake is planted beside."""
    return make_run(tmp_path_factory.mktemp("plants"))


@pytest.fixture(scope="module")
def rough_run(run, tmp_path_factory):
    """The same candles from files, in coarse prices and with long gaps."""
    return make_rough_run(run, tmp_path_factory.mktemp("rough"))


@pytest.mark.parametrize("mistake", PLANTS, ids=lambda mistake: mistake.name)
def test_a_mistake_can_be_planted(mistake):
    """Its place is in the code or the params, once, and what stands there afterwards can be read."""
    for name, old, new in mistake.changes:
        text = (ROOT / name).read_text()
        assert text.count(old) == 1
        read = yaml.safe_load if name.endswith(".yaml") else ast.parse
        read(text.replace(old, new))


@pytest.mark.parametrize("mistake", marked())
def test_a_mistake_is_found(request, mistake, tmp_path, record_property):
    """By a stage that runs in any case, by the replay, or by the proof; who it was stands in the report."""
    run = request.getfixturevalue("rough_run" if mistake.is_rough else "run")
    folder = copy_of(run, tmp_path / "copy")
    plant(folder, mistake)
    found_by, said = find(folder, mistake)
    record_property("found_by", found_by)
    print(f"{mistake.name}: {found_by}: {said}")
    assert found_by in (*mistake.stages, "replay", "proof"), mistake.name
    assert said.startswith(SAYS[found_by]), said
