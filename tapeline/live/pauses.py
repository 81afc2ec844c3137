"""Python's search for garbage: between answers, never within one."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


def hold_what_there_is() -> None:
    """Have every later search pass over all that a start has made, which stays: it takes 0.3 s to look at."""
    gc.collect()
    gc.freeze()


@contextmanager
def no_collection() -> Iterator[None]:
    """Leave the search, which may take long and begins at any moment, to what comes after the block."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
