"""Symbols side by side: order, errors in one line, and arrays that can be written."""

import os
import time
from functools import partial

import numpy as np
import pytest

from stages.parallel import for_each_symbol
from tapeline.errors import DataError, ParamsError, TapelineError

SYMBOLS = ("C", "A", "B")


def name_and_process(symbol):
    """What ran where."""
    return symbol, os.getpid()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_results_come_in_the_order_of_the_symbols(workers):
    """Whoever ends first; one worker is this process, more are others."""
    results = for_each_symbol(name_and_process, SYMBOLS, workers)
    assert [symbol for symbol, _ in results] == list(SYMBOLS)
    assert (os.getpid() in {process for _, process in results}) == (workers == 1)


def fail(symbol):
    """An error of another kind for each symbol."""
    if symbol == "A":
        raise DataError("a.csv", "holds no row")
    if symbol == "B":
        raise ParamsError("data.path", 1, "must be a text")
    if symbol == "D":
        raise OSError(28, "No space left on device", "C.parquet")
    if symbol == "E":
        raise ZeroDivisionError("a defect")
    return symbol


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(
    ("symbols", "kind", "told"),
    [
        ("CAB", DataError, "a.csv: holds no row"),
        ("CBA", ParamsError, "params.yaml: data.path is 1: must be a text"),
        ("CD", OSError, "[Errno 28] No space left on device: 'C.parquet'"),
        ("CE", ZeroDivisionError, "a defect"),
    ],
)
def test_the_first_symbols_error_comes_through(workers, symbols, kind, told):
    """Of the same class and with the same line, whatever its constructor takes."""
    with pytest.raises(kind) as caught:
        for_each_symbol(fail, symbols, workers)
    assert type(caught.value) is kind
    assert str(caught.value) == told
    assert isinstance(caught.value, TapelineError) == (kind in (DataError, ParamsError))


def end_late(symbol, folder):
    """One symbol fails at once, the other writes afterwards."""
    if symbol == "A":
        raise DataError("a.csv", "holds no row")
    time.sleep(0.5)
    (folder / symbol).touch()


def test_an_error_waits_for_the_others(tmp_path):
    """When it is raised nothing is still writing: what is cleaned up stays clean."""
    with pytest.raises(DataError):
        for_each_symbol(partial(end_late, folder=tmp_path), ("A", "B"), 2)
    assert (tmp_path / "B").exists()


def test_arrays_are_handed_over_as_they_are():
    """Large arrays can be written to in every worker."""
    table = np.zeros(10**6)

    def mark(symbol):
        table[0] = ord(symbol)
        return table[:1].copy()

    assert [float(found[0]) for found in for_each_symbol(mark, ("A", "B"), 2)] == [65.0, 66.0]
