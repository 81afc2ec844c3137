"""A training that begins with a bundle, as DVC runs it: what hangs on it, and that the same comes twice."""

import json

import pytest

from tapeline.models.table import NETWORKS
from tests.models.starts import pack_model
from tests.tiny_run import tiny_run
from tests.workshop import Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("start")]

EARLY = {part: ["2024-01-01T12:00:00+00:00", "2024-01-02T12:00:00+00:00"] for part in ("train", "validation")}
TRAININGS = [f"train_{model.name}" for model in NETWORKS]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """The tiny run, told to begin with its own candidate's weights."""
    shop = Workshop.copied(tiny_run(tmp_path_factory), tmp_path_factory.mktemp("start") / "project")
    shop.run("mkdir models/start && cp -rL models/candidate/lstm-direction models/start/")
    shop.run("dvc add -q models/start && git add models/start.dvc models/.gitignore")
    shop.set_params({"train": {"start_from": "models/start"}})
    return shop


def test_trainings_hang_on_it_and_on_what_it_holds(shop):
    """No other stage is stale by it; a fold that it has seen the validation of says so and begins anew."""
    stale = [line.rstrip(":") for line in shop.run("dvc status").split() if line.startswith("train_")]
    assert stale == TRAININGS
    said = shop.run("dvc repro train_lstm")
    assert shop.stages_run(said) == ["train_lstm"]
    assert said.count("can't begin with lstm-direction ") == 2
    place = shop.folder / "models/start/lstm-direction"
    bundle = pack_model(shop.folder / "models/lstm/fold_1", place, span=EARLY)
    shop.run("dvc add -q models/start")
    said = shop.run("dvc repro train_lstm train_transformer")
    assert shop.stages_run(said) == TRAININGS
    assert said.count(f"begins with the weights of lstm-direction {bundle}") == 2
    assert said.count("models/start: holds no transformer-trend to begin with") == 1
    before = (shop.folder / "dvc.lock").read_text()
    shop.run("dvc repro --force --single-item train_lstm")
    assert (shop.folder / "dvc.lock").read_text() == before


def test_it_is_judged_and_packed_with_its_start(shop):
    """The referee agrees, and the bundle says what it began with."""
    shop.run("dvc repro")
    packed = json.loads((shop.folder / "models/candidate/lstm-direction/model.json").read_text())
    bundle = json.loads((shop.folder / "models/start/lstm-direction/manifest.json").read_text())["bundle_id"]
    assert packed["made_from"] | {"start": "bundle", "bundle": bundle} == packed["made_from"]
    card = (shop.folder / "models/candidate/lstm-direction/model_card.md").read_text()
    assert f"- began with bundle: {bundle}" in card


@pytest.mark.torture
def test_it_is_proven_with_its_start(shop):
    """Copies of the proof begin with the same bundle."""
    place = shop.folder / "models/start/lstm-direction"
    bundle = pack_model(shop.folder / "models/lstm/fold_1", place, span=EARLY)
    shop.run("dvc add -q models/start")
    assert f"begins with the weights of lstm-direction {bundle}" in shop.run("dvc repro")
    shop.commit("begun")
    shop.run("make prove")


def test_production_is_refused_by_the_stage_itself(shop):
    """Whoever types the stage, or lets DVC run it."""
    shop.run("mkdir -p models/promoted && cp -rL models/candidate/lstm-direction models/promoted/")
    shop.set_params({"train": {"start_from": "models/promoted"}})
    said = shop.run("python -m stages.train_lstm", status=1)
    assert "params.yaml: train.start_from is 'models/promoted': changes with every release" in said
    assert "Traceback" not in said
    assert "copy it, as to models/start" in shop.run("make check", status=None)
