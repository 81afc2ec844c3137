"""Symbols side by side in processes: the same results for any number of them."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from joblib import Parallel, delayed

from tapeline.errors import TapelineError

Result = TypeVar("Result")
Failure = tuple[type[Exception], tuple]


def for_each_symbol(work: Callable[[str], Result], symbols: Sequence[str], workers: int) -> list[Result]:
    """Return `work(symbol)` of every symbol, in the order of `symbols`; one worker stays in this process.

    `work` must be picklable and log nothing. An error that people can mend is raised here as it was there,
    that of the first symbol which has one, and only when all symbols have ended: nothing is still writing.
    """
    if workers == 1 or len(symbols) == 1:
        return [work(symbol) for symbol in symbols]
    # Arrays go as they are: shared through files they would come back read-only.
    pool = Parallel(n_jobs=min(workers, len(symbols)), max_nbytes=None)
    outcomes = pool(delayed(_attempt)(work, symbol) for symbol in symbols)
    for _, failure in outcomes:
        if failure is not None:
            kind, told = failure
            raise kind.__new__(kind, *told)  # their constructors make the message, which is there already
    return [result for result, _ in outcomes]


def _attempt(work: Callable[[str], Result], symbol: str) -> tuple[Result | None, Failure | None]:
    try:
        return work(symbol), None
    except TapelineError as error:
        return None, (type(error), (str(error),))
    except (OSError, MemoryError) as error:
        return None, (type(error), error.__reduce__()[1])  # unlike args, with the file's name
