"""`make retrain`: from a version in production and what it answered live to a run beside it."""

import json
from types import SimpleNamespace

import pytest

from commands.retrain import set_start
from tapeline.errors import ArtifactError
from tapeline.promotion.manifest import verify_bundle
from tests.candles import random_candles
from tests.commands.checked import take_for_checked
from tests.tiny_run import tiny_run
from tests.workshop import EASY, Workshop

DAYS = 4
FILES = {"source": "files", "path": "data/raw/EXCHANGE", "symbols": ["BTC-USD", "ETH-USD"]}


@pytest.fixture
def shop(tmp_path, tmp_path_factory):
    """A copy of the tiny run, which is of the simulated market."""
    return Workshop.copied(tiny_run(tmp_path_factory), tmp_path / "project")


def put_candles(folder, days):
    """Minutes of two symbols; more days begin with the same ones."""
    for k, symbol in enumerate(FILES["symbols"]):
        (folder / symbol).mkdir(parents=True)
        candles = random_candles(6 * 1440, seed=k).drop(columns=["is_filled", "segment", "file"])
        candles[: days * 1440].to_parquet(folder / symbol / "1m.parquet", index=False)


@pytest.mark.slow
@pytest.mark.xdist_group("retrain")
def test_what_was_answered_live_is_trained_on(shop):
    """Promoted on four days, live on the fifth and sixth, trained on all six; production stays as it is."""
    put_candles(shop.folder / "data/raw/EXCHANGE", DAYS)
    put_candles(shop.folder / "later", 6)
    shop.set_params({"data": FILES, "gates": EASY})
    shop.run("dvc add data/raw/EXCHANGE && git add -A && git commit -qm candles && dvc repro")
    shop.run("git add -A && git commit -qm run")
    take_for_checked(shop.folder)
    shop.run("make promote MODEL=lstm-direction")
    shop.run("make live REPLAY=later SINCE=2025-04-01T20:00")
    version = shop.run("git tag")
    told = shop.run("make retrain MODEL=lstm-direction")
    assert "candles: 2,880 of BTC-USD, 2,880 of ETH-USD in data/raw/EXCHANGE" in told
    assert "lstm-direction: " in told
    assert ("after both trainings" in told) or ("not comparable" in told)
    days = json.loads((shop.folder / "metrics/detail/splits.json").read_text())["days"]
    assert days["candles"] == pytest.approx(6, abs=0.1)
    assert shop.run("git tag") == version, "nothing is promoted"
    subject = shop.run("git log -1 --format=%s")
    assert subject.startswith("Candles of live until 2025-04-03, params of lstm-direction@v1.0.0")
    shop.run("git add -A && git commit -qm retrained")
    begins_with_production(shop)


def begins_with_production(shop):
    """Train the same again from the weights in production: their copy is committed, each fold is told."""
    bundle = verify_bundle(shop.folder / "models/promoted/lstm-direction").bundle_id
    told = shop.run("make retrain MODEL=lstm-direction START=1")
    for k in (0, 1):
        assert f"fold {k}: begins with the weights of lstm-direction {bundle}" in told
        model = json.loads((shop.folder / f"models/lstm/fold_{k}/model.json").read_text())
        assert model["made_from"]["bundle"] == bundle
    assert "holds no transformer-trend to begin with" in told
    assert "Running stage 'features'" not in told
    assert verify_bundle(shop.folder / "models/start/lstm-direction").bundle_id == bundle
    committed = shop.run("git show --stat --format= HEAD").split()
    assert {"models/start.dvc", "models/.gitignore", "params.yaml"} <= set(committed)
    assert "up to date" in shop.run("dvc status")
    told = shop.run("make check")
    assert "sections in order" in told


def release(**record):
    """One in production."""
    return SimpleNamespace(tag="lstm-direction@v1.0.0", record=SimpleNamespace(bundle_id="1a2b", **record))


@pytest.mark.parametrize(
    ("said", "artifact", "told"),
    [
        ("yes", "lstm-direction", "START: 'yes' is none of 1, the weights in production, 0, fresh ones"),
        ("1", "baseline-trend", "START: baseline-trend is no network, it has no weights to begin with"),
        ("1", "lstm-direction", "models/promoted/lstm-direction: is not the bundle of lstm-direction@v1.0.0"),
    ],
)
def test_a_start_that_can_not_be_made_is_one_line(tmp_path, monkeypatch, said, artifact, told):
    """Before a candle is written."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError) as refused:
        set_start(said, artifact, release())
    assert str(refused.value).startswith(told)


@pytest.mark.parametrize(("said", "expected"), [("", "models/start"), ("0", "data/raw/README.md")])
def test_a_retraining_begins_as_production_did_or_anew(tmp_path, monkeypatch, said, expected):
    """Params that production was made with stay, or say that weights are fresh; its comments stay, too."""
    monkeypatch.chdir(tmp_path)
    text = "train:\n  epochs: 3  # at most\n  start_from: models/start\n"
    (tmp_path / "params.yaml").write_text(text)
    set_start(said, "lstm-direction", release())()
    assert (tmp_path / "params.yaml").read_text() == text.replace("models/start", expected)


@pytest.mark.slow
@pytest.mark.xdist_group("retrain")
def test_what_can_not_be_trained_on_is_one_line(shop):
    """Nothing in production; a changed tree; the simulated market; nothing recorded."""
    assert "nothing is in production; `make promote`" in shop.run("make retrain", status=2)
    shop.set_params({"gates": EASY})
    shop.run("dvc repro && git add -A && git commit -qm run")
    take_for_checked(shop.folder)
    shop.run("make promote MODEL=lstm-direction")
    assert "MODEL: 'lstm' is none of lstm-direction" in shop.run("make retrain MODEL=lstm", status=2)
    told = shop.run("make retrain", status=2)
    assert "was trained on the simulated market, which has no candles to add" in told
    assert "Traceback" not in told
    shop.set_params({"model": {"hidden": 6}})
    assert "params.yaml: is changed; commit or stash first" in shop.run("make retrain", status=2)
