"""Side by side: order, errors in one line, arrays that can be written, and nobody left behind."""

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
from tapeline.errors import DataError, ParamsError, TapelineError
from tapeline.parallel import for_each_symbol, side_by_side

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


def test_results_are_handed_on_as_they_come(tmp_path):
    """In order, each as soon as it is there: what follows need not wait for all."""

    def wait_for(item):
        while item and not (tmp_path / "first").exists():
            time.sleep(0.02)
        return item

    results = side_by_side(wait_for, [0, 1], 2)
    assert next(results) == 0
    (tmp_path / "first").touch()
    assert list(results) == [1]


@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_to_do_is_done(workers):
    """No item, no result, no process."""
    assert list(side_by_side(name_and_process, [], workers)) == []


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_the_processes_end_with_their_parent(tmp_path, sent):
    """Killed or interrupted, nothing goes on writing behind it."""
    script = (
        "import os, pathlib, sys, time\n"
        "from tapeline.parallel import side_by_side\n"
        "def work(item):\n"
        "    pathlib.Path(sys.argv[1], str(os.getpid())).touch()\n"
        "    time.sleep(60)\n"
        "list(side_by_side(work, [1, 2], 2))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stderr=subprocess.PIPE
    )
    while len(workers := [int(path.name) for path in tmp_path.iterdir()]) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(sent)
    process.wait(timeout=10)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{worker}").exists() for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
