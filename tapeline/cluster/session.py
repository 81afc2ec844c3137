"""One stage's work on a cluster: checked at the start, handed to workers, ended with all its processes."""

import asyncio
import logging
import os
import shutil
import socket
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tapeline.cluster import sameness
from tapeline.errors import ClusterError, brief

if TYPE_CHECKING:
    from distributed import Client

ADDRESS = "DASK_SCHEDULER_ADDRESS"  # as Dask's own tools read it
FOLDER = Path(".cluster")  # git-ignored, in the project's folder
CONNECTING = 10  # seconds that a scheduler may take to answer, and workers to come
ALONE = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}  # where nothing else is said here
PASSED_ON = "DVC_", "TAPELINE_", "PYTHONHASHSEED", "OMP_NUM_THREADS"  # beginnings of names in the environment
# What Dask's own check compares, and a task needs to be understood.
SPOKEN = "python", "dask", "distributed", "msgpack", "cloudpickle"


def scheduler_address() -> str:
    """Where the environment says that a Dask scheduler is; empty: this machine's own cores do the work."""
    return os.environ.get(ADDRESS, "").strip()


@contextmanager
def open_session(
    address: str, work: Callable[[Any], Any], items: Sequence[Any], needs: Mapping[str, float]
) -> Iterator[tuple["Client", str]]:
    """Yield a client and the session's name; when it is left, nothing of it runs on any worker any more.

    needs : resources that each item takes of a worker, e.g. {"GPU": 1}
    """
    with connected(address) as client, _folder() as folder:
        for left in _remove_left_behind():
            with suppress(ValueError):  # the scheduler knows of none
                client.unregister_worker_plugin(left)
        (folder / sameness.WRITTEN).write_text(folder.name, encoding="utf-8")
        workers = _workers(client, address)
        _require_same_dask(client)
        for name, amount in needs.items():
            if not any(worker["resources"].get(name, 0) >= amount for worker in workers.values()):
                told = f"no worker of the cluster at {address} has {name}={amount:g}, which this work takes"
                raise ClusterError(f"{told}: start one with --resources {name}={amount:g}")
        try:
            _require_fit(client, folder)
            _write(folder, work, items)
            n_threads = sum(worker["nthreads"] for worker in workers.values())
            log = logging.getLogger("tapeline.cluster")
            log.info(
                "%d items go to %s: %d workers, %d at once; dashboard %s",
                len(items), address, len(workers), n_threads, client.dashboard_link,
            )  # fmt: skip
            yield client, folder.name
        finally:
            with suppress(Exception):  # of a scheduler that is no more; then its workers end by themselves
                client.unregister_worker_plugin(folder.name)


def _write(folder: Path, work: Callable[[Any], Any], items: Sequence[Any]) -> None:
    from tapeline.cluster.handover import write_work

    write_work(folder, work, items)


@contextmanager
def connected(address: str) -> Iterator["Client"]:
    """Yield a client of the scheduler at `address`; ClusterError where none answers."""
    try:
        from distributed import Client
        from distributed.comm import connect
    except ImportError:
        told = f"{ADDRESS} is set and Dask is not installed"
        raise ClusterError(f"{told}: pip install 'tapeline[cluster]', or unset it") from None
    _hush()

    async def shake_hands() -> None:
        (await connect(address, timeout=CONNECTING)).abort()

    try:
        # A client that can't connect is never closed by Dask, and blocks the next one when it is collected.
        asyncio.run(shake_hands())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other versions; they are told in a line of ours
            client = Client(address, timeout=CONNECTING)
    except (OSError, ValueError, TypeError, ImportError):
        told = f"{ADDRESS} is {brief(address)}: no Dask scheduler answers there"
        raise ClusterError(f"{told}; start one, mend the address, or unset it to work here") from None
    try:
        yield client
    finally:
        with suppress(Exception):
            client.close(timeout=2)


@contextmanager
def _folder() -> Iterator[Path]:
    """Yield a new folder that workers share; its name is the session's."""
    folder = FOLDER / f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    folder.mkdir(parents=True)
    try:
        yield folder.absolute()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another's is in it
            FOLDER.rmdir()


def _remove_left_behind() -> list[str]:
    """Remove the folders of processes of this machine that were killed; return their sessions' names."""
    names, host = [], socket.gethostname()
    for left in FOLDER.glob(f"{host}-*"):
        process = left.name.removeprefix(f"{host}-").split("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(left, ignore_errors=True)
            names.append(left.name)
    return names


def _workers(client: "Client", address: str) -> dict[str, Any]:
    with suppress(TimeoutError):
        client.wait_for_workers(1, timeout=CONNECTING)
    workers: dict[str, Any] = client.scheduler_info(n_workers=-1)["workers"]
    if not workers:
        raise ClusterError(f"the cluster at {address} has no worker: start some, `dask worker {address}`")
    return workers


def _require_same_dask(client: "Client") -> None:
    found = client.get_versions()
    here = found["client"]["packages"]
    for address, each in {"the scheduler": found["scheduler"], **found["workers"]}.items():
        there = each["packages"]
        for name in SPOKEN:
            if there[name] != here[name]:
                told = f"{address} has {name} {there[name]} and not {here[name]}"
                raise ClusterError(f"{told}: start it from this environment")


def _require_fit(client: "Client", folder: Path) -> None:
    """Have every worker start a process in this folder, and ClusterError where one isn't what it is here."""
    import cloudpickle

    from tapeline.cluster import worker

    for module in (worker, sameness):
        cloudpickle.register_pickle_by_value(module)
    passed = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
    difference = partial(sameness.difference, sameness.describe(folder))
    plugin = worker.Children(str(folder), str(Path.cwd()), ALONE | passed, difference)
    client.register_plugin(plugin, name=folder.name)
    for address, wrong in client.run(worker.checking(folder.name), on_error="return").items():
        if isinstance(wrong, OSError):  # it is lost: the others do its work
            continue
        if isinstance(wrong, Exception):
            raise wrong
        if wrong:
            raise ClusterError(f"worker {address} {wrong}")


def _hush() -> None:
    """Have Dask's loggers be still here: what there is to tell is told in a line of ours."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
