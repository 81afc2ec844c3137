"""Items as tasks on a cluster's workers: results in order, what goes wrong there told in one line here."""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

from tapeline.cluster.session import open_session
from tapeline.errors import ClusterError

if TYPE_CHECKING:
    from distributed import Client, Future

Item = TypeVar("Item")
Result = TypeVar("Result")

TICK = 0.5  # seconds between looks at the cluster
WITHOUT_WORKERS = 60.0  # seconds, after which nobody is waited for any more
MORE_MEMORY = (
    "start workers with more memory (--memory-limit) or fewer at once (--nthreads 1), or shorten the history"
)
AGAIN = "run again to go on"


def on_workers(
    address: str, work: Callable[[Item], Result], items: Sequence[Item], needs: Mapping[str, float]
) -> Iterator[Result]:
    """Yield `work(item)` of every item in order, each done by a process of a worker of the cluster there.

    Where a worker is lost, its items are done again by another. ClusterError names the item, by its `str`,
    which can't be done, and the worker that could not.
    """
    with open_session(address, work, items, needs) as (client, session):
        from tapeline.cluster.worker import task

        futures = [
            client.submit(task(session), k, key=f"{item}-{session}-{k}", pure=False, resources=dict(needs))
            for k, item in enumerate(items)
        ]
        try:
            with _progress(futures):
                while futures:
                    title = str(items[-len(futures)])
                    yield _result(client, futures.pop(0), title, address)
        finally:
            if client.status == "running":
                client.cancel(futures, force=True)


def _result(client: "Client", future: "Future", title: str, address: str) -> Any:
    """What came of an item, as soon as it is there."""
    from distributed import CancelledError, KilledWorker, wait

    try:
        seconds_alone = 0.0
        while not future.done():
            with suppress(TimeoutError):
                wait([future], timeout=TICK)
                break
            if client.status != "running":
                raise _gone(address)
            seconds_alone = 0.0 if client.nthreads() else seconds_alone + TICK
            if seconds_alone > WITHOUT_WORKERS:
                raise ClusterError(f"{title}: the cluster at {address} has lost all its workers; {AGAIN}")
        what, found, worker = future.result()
    except KilledWorker as error:
        told = f"{title}: {error.allowed_failures + 1} workers ended while they were at it"
        raise ClusterError(f"{told}, the last {error.last_worker.address}; {MORE_MEMORY}") from None
    except (CancelledError, OSError):
        raise _gone(address) from None
    return _answer(what, found, worker, title)


def _answer(what: str, found: Any, worker: str, title: str) -> Any:
    """The result that a worker has sent; raise what it sent instead."""
    if what == "wrong":
        raise ClusterError(f"worker {worker} {found}")
    if what == "out of memory":
        told = f"{title}: worker {worker} is out of memory, of which it has {found}"
        raise ClusterError(f"{told}; {MORE_MEMORY}")
    if what == "ended":
        told = f"{title}: its process on worker {worker} was ended ({found}), mostly for lack of memory"
        raise ClusterError(f"{told}; {MORE_MEMORY}")
    kind, value = pickle.loads(found)
    if kind == "defect":
        error, trace = value
        error = error or RuntimeError(f"{title} on worker {worker}")
        error.add_note(f"on worker {worker}: {trace}")
        raise error
    return value


def _gone(address: str) -> ClusterError:
    return ClusterError(f"the scheduler at {address} is gone, and what ran on its workers with it; {AGAIN}")


@contextmanager
def _progress(futures: Sequence["Future"]) -> Iterator[None]:
    """Count what is done on a terminal; elsewhere show nothing."""
    from tqdm import tqdm

    with tqdm(desc="cluster", total=len(futures), disable=None, leave=False) as bar:
        for future in futures:
            future.add_done_callback(lambda _: bar.update())
        yield
