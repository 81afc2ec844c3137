"""Work side by side in processes: the same results for any number of them."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar, cast

from joblib import Parallel, delayed

from tapeline.errors import TapelineError

Item = TypeVar("Item")
Result = TypeVar("Result")
Failure = tuple[type[Exception], tuple[Any, ...]]


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
) -> Iterator[Result]:
    """Yield `work(item)` of every item in order, as soon as it and those before it are done.

    Arrays that `work` holds and that are larger than `shares_above` are handed to the other processes as one
    read-only copy for all. Errors as with `for_each_symbol`. An interrupt ends the processes, and so
    does the end of this one, however it comes.
    """
    items = list(items)
    if workers == 1 or len(items) < 2:
        yield from map(work, items)
        return
    pool = Parallel(n_jobs=min(workers, len(items)), max_nbytes=shares_above, return_as="generator")
    attempt = partial(_attempt, work, os.getpid())
    first = None
    for result, failure in pool(delayed(attempt)(item) for item in items):
        first = first or failure
        if first is None:
            yield result
    if first is not None:
        kind, arguments = first
        raise kind.__new__(kind, *arguments)  # their constructors make the message, which is there already


def _attempt(work: Callable[[Item], Result], parent: int, item: Item) -> tuple[Result | None, Failure | None]:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent hears it too, and ends its processes
    end_with(parent)
    try:
        return work(item), None
    except TapelineError as error:
        return None, (type(error), (str(error),))
    except (OSError, MemoryError) as error:
        # Unlike args, with the file's name; of the forms that __reduce__ may have, errors' is a tuple.
        return None, (type(error), cast("tuple[Any, ...]", error.__reduce__()[1]))


def end_with(parent: int) -> None:
    """End this process soon after its `parent`: killed, that can't tell its children, who would go on."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    if not any(thread.name == "parent" for thread in threading.enumerate()):
        threading.Thread(target=watch, name="parent", daemon=True).start()
