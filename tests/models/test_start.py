"""A bundle to begin with: found, verified, and of the run's own network, or refused in one line."""

import json
import shutil

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError, ParamsError, TapelineError
from tapeline.models.lstm import LSTM
from tapeline.models.start import IN_PRODUCTION, NO_START, find_start, require_same
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.promotion.production import PROMOTED, SHADOWS
from tests.models.starts import RECORD, SPAN, pack_start

VALUES = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
NAME = LSTM.artifact


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the bundle of the LSTM goes, in a project of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "models/start" / NAME


def test_a_file_is_none_and_that_of_the_shipped_params_is_tracked(place):
    """Since a dep has to be there."""
    place.parent.mkdir(parents=True)
    (place.parent / "README.md").touch()
    assert find_start("models/start/README.md", NAME) is None
    assert VALUES["train"]["start_from"] == str(NO_START)
    assert (ROOT / NO_START).is_file()


def test_a_bundle_is_found_by_its_artifact(place):
    """With its id; of another network there may be none."""
    bundle_id = pack_start(place, RECORD)
    start = find_start("models/start", NAME)
    assert (start.bundle_id, str(start)) == (bundle_id, f"{NAME} {bundle_id}")
    assert find_start("models/start", "transformer-trend") is None


@pytest.mark.parametrize("later", ["train", "validation"])
@pytest.mark.parametrize(("interval", "minutes"), [("1m", 1), ("15m", 15), ("1h", 60)])
def test_it_ends_behind_the_last_row_of_all_that_it_learned_from(place, later, interval, minutes):
    """Of training or of validation, whichever is later, and never of its test."""
    span = SPAN | {later: [SPAN["train"][0], "2026-01-12T04:10:00+00:00"]}
    pack_start(place, RECORD, span=span, interval=interval)
    start = find_start("models/start", NAME)
    assert start.last == pd.Timestamp("2026-01-12 04:10", tz="UTC")
    assert start.end == start.last + pd.Timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("models/none", "is not there: must be a folder with copies of bundles, or a file: none"),
        ("models", f"holds no bundle: must hold folders like {NAME} of models/promoted"),
        (f"models/start/{NAME}", f"holds no bundle: must hold folders like {NAME} of models/promoted"),
    ],
)
def test_a_path_without_a_bundle_is_refused(place, path, says):
    """Also the bundle's own folder, in place of the one that it lies in."""
    pack_start(place, RECORD)
    with pytest.raises(ParamsError) as refused:
        find_start(path, NAME)
    assert str(refused.value) == f"params.yaml: train.start_from is '{path}': {says}"


@pytest.mark.parametrize("way", ["itself", "linked folder", "linked bundle"])
@pytest.mark.parametrize("production", IN_PRODUCTION, ids=str)
def test_what_is_in_production_is_to_be_copied(place, production, way):
    """A promotion must not make a training stale, by whatever way it gets there."""
    pack_start(production.resolve() / NAME, RECORD)
    path = "models/start"
    if way == "itself":
        path = str(production)
    elif way == "linked folder":
        place.parent.symlink_to(production.resolve())
    else:
        place.parent.mkdir()
        place.symlink_to(production.resolve() / NAME)
    with pytest.raises(ParamsError, match="would make trainings stale: copy it, as to models/start"):
        find_start(path, NAME)
    if not place.parent.exists():
        shutil.copytree(production, place.parent)
        assert find_start("models/start", NAME)


@pytest.mark.parametrize("production", IN_PRODUCTION, ids=str)
def test_what_production_will_hold_is_to_be_copied_too(place, production):
    """In a clone that has no release yet the folder is not there, and the advice is the same."""
    with pytest.raises(ParamsError, match="copy it, as to models/start"):
        find_start(str(production), NAME)


def test_production_is_where_a_release_puts_it():
    """Both folders, by the names that releases know."""
    assert IN_PRODUCTION == (PROMOTED, SHADOWS)


@pytest.mark.parametrize("file", ["weights.safetensors", "model.json", "manifest.json"])
def test_a_bundle_that_was_altered_is_refused(place, file):
    """By its own manifest, before anything of it is read."""
    pack_start(place, RECORD)
    content = (place / file).read_bytes()
    (place / file).write_bytes(content.replace(b"weights", b"WEIGHTS").replace(b'"d"', b'"e"'))
    if file == "model.json":
        (place / file).write_bytes(content.replace(b"04:00:00", b"01:00:00"))
    with pytest.raises(ArtifactError, match="differs from the manifest|does not match its hashes"):
        find_start("models/start", NAME)


@pytest.mark.parametrize(
    ("span", "says"),
    [
        (None, "span is missing"),
        ({"train": SPAN["train"]}, "span.validation is missing"),
        (SPAN | {"train": ["2026-01-12T00:40:00", "2026-01-12T03:00:00"]}, "span.train.0 must have"),
        (SPAN | {"validation": ["soon", "late"]}, "span.validation.0 must be a valid datetime"),
    ],
)
def test_a_bundle_that_does_not_say_when_what_it_learned_from_ended_is_refused(place, span, says):
    """A line with what is missing; times have a zone."""
    pack_start(place, RECORD, span=span)
    with pytest.raises(ArtifactError) as refused:
        find_start("models/start", NAME)
    told = str(refused.value)
    assert told.startswith(f"models/start/{NAME}/model.json: does not say what train.start_from needs, ")
    assert says in told
    assert "\n" not in told


def require(place, ours=("one", "two"), **changes):
    """Hold the bundle against a run like it."""
    train = TrainParams(**VALUES["train"] | {"sequence_length": 12, "minimum_context": 5})
    architecture = LstmParams(**RECORD["architecture"])
    pack_start(place, RECORD, **changes)
    require_same(find_start("models/start", NAME), LSTM, architecture, train, 7, "1m", ours)


def test_a_bundle_of_the_runs_network_is_taken(place):
    """One that is older than `train.seeds` is of one network."""
    require(place)
    require(place, training={})
    require(place, ours=None, features=["three"])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"network": "transformer"}, "network is transformer in lstm-direction there, and lstm here"),
        (
            {"architecture": RECORD["architecture"] | {"hidden": 8}},
            "model.hidden is 8 in lstm-direction there, and 4 here",
        ),
        (
            {"architecture": RECORD["architecture"] | {"peepholes": True}},
            "model.peepholes is True in lstm-direction there, and None here",
        ),
        ({"label": "trend_strength"}, "label is trend_strength in lstm-direction there, and direction here"),
        ({"horizon": 5}, "labels.horizon is 5 in lstm-direction there, and 7 here"),
        ({"interval": "5m"}, "data.interval is 5m in lstm-direction there, and 1m here"),
        (
            {"context": {"sequence_length": 60}},
            "train.sequence_length is 60 in lstm-direction there, and 12 here",
        ),
        ({"training": {"seeds": 3}}, "train.seeds is 3 in lstm-direction there, and 1 here"),
        ({"features": ["two", "one"]}, "feature 0 is two in lstm-direction there, and one here"),
        ({"features": ["one"]}, "feature 1 is None in lstm-direction there, and two here"),
    ],
)
def test_a_bundle_of_another_network_is_refused_by_what_differs(place, changes, says):
    """Key, value there, value here."""
    with pytest.raises(TapelineError) as refused:
        require(place, **changes)
    told = str(refused.value)
    assert told.startswith(f"params.yaml: train.start_from is 'models/start': {says}: ")
    assert "\n" not in told


def test_the_record_is_as_trainings_write_it(place):
    """JSON whose unknown keys are left out."""
    pack_start(place, RECORD | {"later": 1, "calibration": {"kind": "none"}})
    assert "later" in json.loads((place / "model.json").read_text())
    assert find_start("models/start", NAME).model.horizon == 7
