"""Stages on a cluster write the bytes that they write without one, where a worker is killed amid them too."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from tapeline.cluster.session import ADDRESS
from tapeline.store.tables import read_table
from tests.cluster.loopback import children_of, loopback, wait_for
from tests.tiny_run import tiny_run
from tests.workshop import Workshop

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster stages")]

PATIENCE = 300.0  # seconds that a stage may take to get so far beside others' work
STAGES = (
    "features", "expectations", "splits", "train_lstm", "train_transformer", "train_baselines", "evaluate",
)  # fmt: skip
KILLED = "expectations", "train_transformer"  # a worker of theirs each time; of the others in torture


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A finished run, in a folder of its own."""
    return Workshop.copied(tiny_run(tmp_path_factory), tmp_path_factory.mktemp("shop") / "project")


def lock_of(shop):
    """What DVC recorded: the bytes of every output."""
    return (shop.folder / "dvc.lock").read_text()


def checkpoints(shop):
    """What trainings have left after an epoch, to go on from."""
    return list((shop.folder / ".checkpoints").rglob("*.pt"))


def again(shop, stage, address):
    """Make a stage's outputs anew on a cluster, nothing of it kept from before."""
    shutil.rmtree(shop.folder / ".cache", ignore_errors=True)
    said = shop.run(f"dvc repro --force --single-item {stage}", **{ADDRESS: address})
    assert f"items go to {address}" in said
    return said


@pytest.mark.parametrize("n_workers", [2, pytest.param(4, marks=pytest.mark.torture)])
@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_writes_the_same_bytes_on_any_number_of_workers(shop, tmp_path, stage, n_workers):
    """Whatever its tasks are: dvc.lock stays as it is, and nothing is left behind."""
    before = lock_of(shop)
    with loopback(tmp_path, *[()] * n_workers) as cluster:
        again(shop, stage, cluster.address)
        wait_for(lambda: not children_of(*cluster.workers))
    assert lock_of(shop) == before
    assert not (shop.folder / ".cluster").exists()


def test_files_of_candles_are_read_by_workers_to_the_same_bytes(tmp_path, tmp_path_factory):
    """A symbol each, of an exchange's folder; what is said of them is the same, too."""
    shop = Workshop.copied(tiny_run(tmp_path_factory), tmp_path / "project")
    symbols = "BTC-USD", "ETH-USD"
    for symbol in symbols:
        folder = shop.folder / "data/raw/EXCHANGE" / symbol
        folder.mkdir(parents=True)
        candles = read_table(shop.folder / "data/candles", symbol)
        candles.drop(columns=["is_filled", "segment"]).drop(index=[7, 700, 701]).to_csv(
            folder / "1m.csv", index=False
        )
    shop.set_params({"data": {"source": "files", "path": "data/raw/EXCHANGE", "symbols": list(symbols)}})
    shop.run("dvc repro --single-item ingest")
    before = lock_of(shop)
    with loopback(tmp_path, (), ()) as cluster:
        again(shop, "ingest", cluster.address)
    assert lock_of(shop) == before


def test_networks_of_an_ensemble_are_tasks_of_their_own_and_end_as_one_by_one(shop, tmp_path):
    """Two seeds: first trained here, then each on its own worker."""
    shop.set_params({"train": {"seeds": 2}})
    shop.run("dvc repro --single-item train_lstm")
    before = lock_of(shop)
    with loopback(tmp_path, (), ()) as cluster:
        said = again(shop, "train_lstm", cluster.address)
    assert said.count("items go to") == 2
    assert lock_of(shop) == before


@pytest.mark.parametrize(
    "stage",
    [
        *KILLED,
        *(pytest.param(stage, marks=pytest.mark.torture) for stage in STAGES if stage not in KILLED),
    ],
)
def test_a_worker_that_is_killed_amid_a_stage_changes_no_byte(shop, tmp_path, stage):
    """Its task is done again by the other; of a training, from the last epoch on."""
    shop.set_params({"train": {"seeds": 1}})
    shop.run(f"dvc repro {stage}")
    before = lock_of(shop)
    with loopback(tmp_path, (), ()) as cluster, ThreadPoolExecutor(1) as thread:
        running = thread.submit(again, shop, stage, cluster.address)
        victim = cluster.workers[0]
        is_network = stage in ("train_lstm", "train_transformer")
        wait_for(lambda: children_of(victim) and (checkpoints(shop) or not is_network), PATIENCE)
        victim.kill()
        running.result()
    assert lock_of(shop) == before
