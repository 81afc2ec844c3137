"""Items on a cluster: order, errors in one line, what is killed is done again, and nobody is left behind."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tapeline.closure import ROOT
from tapeline.cluster.session import ADDRESS
from tapeline.errors import ClusterError, ParamsError
from tapeline.parallel import for_each_symbol, side_by_side
from tests.cluster.loopback import children_of, loopback, wait_for
from tests.test_parallel import fail

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory):
    """A cluster whose workers live as long as the tests."""
    with loopback(tmp_path_factory.mktemp("cluster"), (), ()) as cluster:
        yield cluster


@pytest.fixture
def on_two_workers(two_workers, monkeypatch, tmp_path):
    """Work goes there, from the project's folder, and nothing of it is left in that."""
    monkeypatch.setenv(ADDRESS, two_workers.address)
    monkeypatch.chdir(ROOT)
    yield two_workers
    wait_for(lambda: not children_of(*two_workers.workers))
    assert not Path(".cluster").exists()


def test_results_come_in_the_order_of_the_symbols(on_two_workers):
    """Each worker's process does some, in the project's folder, and what it holds is its own."""
    table = np.zeros(10**6)

    def work(symbol):
        time.sleep(0.3)
        table[0] += ord(symbol)
        return symbol, os.getpid(), os.getcwd(), os.environ.get(ADDRESS), table[:2].copy()

    found = for_each_symbol(work, "DBCA", 1)
    assert [symbol for symbol, *_ in found] == list("DBCA")
    assert {folder for _, _, folder, *_ in found} == {str(ROOT)}
    assert {address for *_, address, _ in found} == {None}
    assert os.getpid() not in {process for _, process, *_ in found}
    assert len({process for _, process, *_ in found}) == 2
    assert table[0] == 0
    assert sum(rows[0] in map(float, b"DBCA") for *_, rows in found) >= 2


@pytest.mark.parametrize(
    ("symbols", "kind", "told"),
    [
        ("CBA", ParamsError, "params.yaml: data.path is 1: must be a text"),
        ("CD", OSError, "[Errno 28] No space left on device: 'C.parquet'"),
        ("CE", ZeroDivisionError, "a defect"),
    ],
)
def test_the_first_symbols_error_comes_through(on_two_workers, symbols, kind, told):
    """Of the same class and with the same line as on this machine."""
    with pytest.raises((ParamsError, OSError, ZeroDivisionError)) as caught:
        for_each_symbol(fail, symbols, 1)
    assert (type(caught.value), str(caught.value)) == (kind, told)


def test_work_for_a_gpu_where_there_is_none_is_one_line(on_two_workers):
    """Nothing waits for what will never come."""
    with pytest.raises(ClusterError, match=r"no worker of the cluster at tcp://.* has GPU=1"):
        list(side_by_side(str, [1], 1, needs={"GPU": 1.0}))


def die_once(symbol, folder):
    """The first time `B` is begun its process says which it is, and waits to be killed."""
    if symbol == "B" and not (folder / "begun").exists():
        (folder / "begun.partial").write_text(str(os.getppid()))
        (folder / "begun.partial").rename(folder / "begun")
        time.sleep(60)
    return symbol.lower()


@pytest.mark.slow
def test_what_a_killed_worker_did_is_done_again_by_another(tmp_path, monkeypatch):
    """The results are all there, in order."""
    with loopback(tmp_path, (), ()) as cluster:
        monkeypatch.setenv(ADDRESS, cluster.address)
        monkeypatch.chdir(ROOT)
        results = side_by_side(partial(die_once, folder=tmp_path), "ABC", 1)
        assert next(results) == "a"
        wait_for((tmp_path / "begun").exists)
        os.kill(int((tmp_path / "begun").read_text()), signal.SIGKILL)
        assert list(results) == ["b", "c"]


SCRIPT = """
import sys, time
from pathlib import Path
from tapeline.ending import run_command
from tapeline.parallel import for_each_symbol
folder = Path(sys.argv[1])
def work(symbol):
    (folder / symbol).touch()
    time.sleep(60)
run_command(lambda: for_each_symbol(work, "AB", 1))
"""


@pytest.mark.slow
@pytest.mark.parametrize("ended", ["interrupted", "killed", "scheduler"])
def test_nothing_goes_on_behind_who_asked_for_it(tmp_path, ended):
    """Interrupted or killed its work ends; without a scheduler it is told so in a line."""
    (tmp_path / "done").mkdir()
    with loopback(tmp_path, (), ()) as cluster:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path / "done")], cwd=ROOT, text=True,
            env=os.environ | {ADDRESS: cluster.address}, stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_for(lambda: len(list((tmp_path / "done").iterdir())) == 2)
        at_work = children_of(*cluster.workers)
        assert len(at_work) == 2
        if ended == "interrupted":
            process.send_signal(signal.SIGINT)
        elif ended == "killed":
            process.kill()
        else:
            cluster.scheduler.kill()
        said = process.communicate(timeout=30)[1]
        if ended == "scheduler":
            assert said.count("\n") == 1
            assert f"the scheduler at {cluster.address} is gone" in said
        assert process.returncode == {"interrupted": 130, "killed": -9, "scheduler": 1}[ended]
        wait_for(lambda: not any(each.is_running() and each.status() != "zombie" for each in at_work), 20)


def fill(symbol):
    """Take more memory than a worker has."""
    if symbol == "B":
        held = [np.ones(2**24) for _ in range(40)]  # 5 GB
        time.sleep(30)
        return len(held)
    return 0


@pytest.mark.slow
def test_a_worker_out_of_memory_is_named_with_the_symbol(tmp_path, monkeypatch):
    """And what to do about it; the machine's own memory is never reached."""
    with loopback(tmp_path, ("--memory-limit", "1GB")) as cluster:
        monkeypatch.setenv(ADDRESS, cluster.address)
        monkeypatch.chdir(ROOT)
        told = r"^B: worker tcp://\S+ is out of memory, of which it has 0.93 GB; start workers with more"
        with pytest.raises(ClusterError, match=told):
            for_each_symbol(fill, "AB", 1)
