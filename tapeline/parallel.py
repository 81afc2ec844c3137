"""Work side by side in processes: the same results for any number of them."""

import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed

from tapeline.cluster.session import scheduler_address
from tapeline.cluster.tasks import on_workers
from tapeline.ending import end_with
from tapeline.errors import TapelineError

Item = TypeVar("Item")
Result = TypeVar("Result")
Failure = tuple[type[Exception], tuple[Any, ...]]


NOTHING: Mapping[str, float] = MappingProxyType({})


def for_each_symbol(work: Callable[[str], Result], symbols: Sequence[str], workers: int) -> list[Result]:
    """Return `work(symbol)` of every symbol, in the order of `symbols`; one worker stays in this process.

    `work` must be picklable and log nothing. An error that people can mend is raised here as it was there,
    that of the first symbol which has one, and only when all symbols have ended: nothing is still writing.
    """
    # Arrays go as they are: shared through files they would come back read-only.
    return list(side_by_side(work, symbols, workers, shares_above=None))


def side_by_side(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    shares_above: str | None = "1M",
    needs: Mapping[str, float] = NOTHING,
) -> Iterator[Result]:
    """Yield `work(item)` of every item in order, as soon as it and those before it are done.

    Where the environment names a Dask cluster its workers do it, as many as there are; each item takes what
    it `needs` of a worker's resources there, and is called by its `str`. Else `workers` processes do, as
    `in_processes` says. The results are the same.
    """
    items = list(items)
    if items and (address := scheduler_address()):
        yield from _without_failures(on_workers(address, partial(_attempt, work), items, needs))
    else:
        yield from in_processes(work, items, workers, shares_above)


def in_processes(
    work: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int,
    shares_above: str | None = "1M",
) -> Iterator[Result]:
    """Yield `work(item)` of every item in order, as soon as it and those before it are done, on this machine.

    Arrays that `work` holds and that are larger than `shares_above` are handed to the other processes as one
    read-only copy for all. Errors as with `for_each_symbol`. An interrupt ends the processes, and so
    does the end of this one, however it comes.
    """
    items = list(items)
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    pool = Parallel(n_jobs=min(workers, len(items)), max_nbytes=shares_above, return_as="generator")
    attempt = partial(_attempt_here, work, os.getpid())
    yield from _without_failures(pool(delayed(attempt)(item) for item in items))


def _without_failures(attempts: Iterable[tuple[Result | None, Failure | None]]) -> Iterator[Result]:
    """Yield results until one has failed; raise its failure when all have ended."""
    first = None
    for result, failure in attempts:
        first = first or failure
        if first is None:
            yield cast("Result", result)
    if first is not None:
        kind, arguments = first
        raise kind.__new__(kind, *arguments)  # their constructors make the message, which is there already


def _attempt_here(
    work: Callable[[Item], Result], parent: int, item: Item
) -> tuple[Result | None, Failure | None]:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends its processes
    end_with(parent)
    return _attempt(work, item)


def _attempt(work: Callable[[Item], Result], item: Item) -> tuple[Result | None, Failure | None]:
    try:
        return work(item), None
    except TapelineError as error:
        return None, (type(error), (str(error),))
    except (OSError, MemoryError) as error:
        # Unlike args, with the file's name; of the forms that __reduce__ may have, errors' is a tuple.
        return None, (type(error), cast("tuple[Any, ...]", error.__reduce__()[1]))
