"""A cluster that can't do the work is told so in a line, before anything has begun."""

import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest

from tapeline.closure import ROOT
from tapeline.cluster import session
from tapeline.cluster.session import ADDRESS, scheduler_address
from tapeline.errors import ClusterError
from tapeline.parallel import for_each_symbol
from tests.cluster.loopback import Loopback, loopback

pytestmark = pytest.mark.xdist_group("cluster")


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch):
    """Work begins in the project's folder, and nobody waits long."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(session, "CONNECTING", 4)


def unused_address():
    """Where nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{one.getsockname()[1]}"


def told(monkeypatch, address):
    """The line that work which goes to `address` ends with."""
    monkeypatch.setenv(ADDRESS, address)
    with pytest.raises(ClusterError) as caught:
        for_each_symbol(str.lower, "AB", 1)
    assert not session.FOLDER.exists()
    return str(caught.value)


def test_without_an_address_this_machine_works(monkeypatch):
    """Nor with an empty one."""
    monkeypatch.setenv(ADDRESS, " ")
    assert scheduler_address() == ""
    assert for_each_symbol(str.lower, "AB", 1) == ["a", "b"]


@pytest.mark.parametrize("address", ["", "nonsense", "tcp://127.0.0.1:port", "gopher://127.0.0.1:8786"])
def test_an_address_where_no_scheduler_is_is_one_line(monkeypatch, address):
    """Stale, misspelt or of something else; no thread is left, which might block the next attempt."""
    address, n_threads = address or unused_address(), threading.active_count()
    assert told(monkeypatch, address) == (
        f"{ADDRESS} is {address!r}: no Dask scheduler answers there; start one, mend the address, "
        "or unset it to work here"
    )
    assert threading.active_count() <= n_threads


def test_without_dask_it_is_said_what_to_install(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert "pip install 'tapeline[cluster]'" in told(monkeypatch, "tcp://127.0.0.1:8786")


@pytest.mark.slow
def test_a_cluster_without_workers_is_one_line(monkeypatch, tmp_path):
    """After a while: they may be about to come."""
    with loopback(tmp_path) as cluster:
        assert "has no worker: start some" in told(monkeypatch, cluster.address)


@pytest.mark.slow
def test_a_worker_of_other_packages_is_named(monkeypatch, tmp_path):
    """One that is not even first, with both versions."""
    (tmp_path / "pandas-0.1.dist-info").mkdir()
    text = "Metadata-Version: 2.1\nName: pandas\nVersion: 0.1\n"
    (tmp_path / "pandas-0.1.dist-info/METADATA").write_text(text)
    with loopback(tmp_path, ()) as cluster:
        cluster.add(PYTHONPATH=str(tmp_path))
        wait_for_workers(cluster, 2)
        line = told(monkeypatch, cluster.address)
    assert "has pandas 0.1 and not " in line
    assert line.startswith("worker tcp://127.0.0.1:")


UNSHARED = "unshare", "--mount", "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"'


def can_unshare():
    """Whether this machine lets a process have a file system of its own."""
    if not shutil.which("unshare"):
        return False
    return not subprocess.run([*UNSHARED, "/mnt", "true"], capture_output=True).returncode


@pytest.mark.slow
@pytest.mark.skipif(not can_unshare(), reason="a file system of its own takes the right to mount one")
@pytest.mark.parametrize("hidden", ["project", "session"])
def test_a_worker_without_the_shared_folder_is_named(monkeypatch, tmp_path, hidden):
    """Without the project it has nothing to begin with; with a copy it does not see what is written here."""
    project = tmp_path / "project"
    for name in ("tapeline", "requirements.lock"):
        (project / name).parent.mkdir(exist_ok=True)
        os.symlink(ROOT / name, project / name)
    (project / ".cluster").mkdir()
    monkeypatch.chdir(project)
    folder = project if hidden == "project" else project / ".cluster"
    with loopback(tmp_path) as cluster:
        cluster.add(within=(*UNSHARED, str(folder)))
        wait_for_workers(cluster, 1)
        line = told(monkeypatch, cluster.address)
    expected = {
        "project": f"has no tapeline.cluster in {project}",
        "session": "doesn't see a file written here: the project's folder must be shared, at the same path",
    }
    assert expected[hidden] in line


def wait_for_workers(cluster: Loopback, n: int):
    """Until all have come."""
    from distributed import Client

    with Client(cluster.address) as client:
        client.wait_for_workers(n, timeout=60)
