"""Settings of all tests."""

import fcntl
import gc
import os
import signal
import sys
from contextlib import ExitStack, contextmanager
from threading import RLock

import pytest
from hypothesis import settings

from tests.warm import FOLDER, serving, warm_python

os.environ.pop("DASK_SCHEDULER_ADDRESS", None)  # no test goes to a cluster that it did not start

# A shell's background job ignores Ctrl-C and so do its children, which tests are to interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The first example of a property may compile a kernel; a deadline would blame the machine.
settings.register_profile("tapeline", settings.default, deadline=None)
settings.load_profile("tapeline")
# Without the slow tests a property is tried on fewer examples; tests that ask for more say how many times
# `settings.default.max_examples`.
settings.register_profile("quick", settings.default, deadline=None, max_examples=25)


# What collection makes (libraries, thousands of tests) stays until the end: a collector of garbage would walk
# over it again and again, for a third of what importing costs and a part of every test.
gc.disable()


def pytest_collection_finish():
    """Look for garbage from here on, and only among what tests make.

    The oldest of it seldom: whether that is due is told by how much has grown old already, which is nothing
    after a freeze, so it was looked through hundreds of times, for an eighth of all time.
    """
    gc.freeze()
    gc.set_threshold(*gc.get_threshold()[:2], 100)
    gc.enable()


def pytest_configure(config):
    """Begin what commands of tests are forked from, one for all workers, which are forked from it too.

    Before tests are imported: which profile their properties take.
    """
    if "not slow" in config.option.markexpr:
        settings.load_profile("quick")
    if FOLDER not in os.environ and sys.platform == "linux":
        server = ExitStack()
        server.enter_context(serving())
        config.add_cleanup(server.close)
        workers = getattr(config.option, "tx", None) or []
        own = f"popen//python={warm_python()}"
        config.option.tx = [own if worker == "popen" else worker for worker in workers]


def of_session(tmp_path_factory):
    """The folder that all workers share, in which each has its own."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


@pytest.fixture(scope="session", autouse=True)
def one_compiles(tmp_path_factory):
    """What Numba keeps is compiled by the worker that comes first; the others take it from there."""
    from numba.core.dispatcher import Dispatcher

    shared = of_session(tmp_path_factory)
    compile_or_load, mutex, depth = Dispatcher.compile, RLock(), 0

    @contextmanager
    def turn():
        nonlocal depth
        with mutex, (shared / "numba.lock").open("w") as lock:
            if depth == 0:  # one kernel that calls another compiles it meanwhile
                fcntl.flock(lock, fcntl.LOCK_EX)
            depth += 1
            try:
                yield
            finally:
                depth -= 1

    def compile_in_turn(dispatcher, signature):
        with turn():
            return compile_or_load(dispatcher, signature)

    Dispatcher.compile = compile_in_turn
    yield
    Dispatcher.compile = compile_or_load


@pytest.fixture(scope="session", autouse=True)
def one_bundles(tmp_path_factory):
    """What draws charts in a browser, megabytes that take seconds to put together, is put together once."""
    vl_convert = sys.modules.get("vl_convert")  # imported with the tests that need it
    if vl_convert is None:
        yield
        return
    kept, bundle = of_session(tmp_path_factory) / "bundle.js", vl_convert.javascript_bundle

    def bundle_once(*snippet, **options):
        if snippet or options:
            return bundle(*snippet, **options)
        with kept.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                kept.write_bytes(bundle().encode())
        return kept.read_bytes().decode()

    vl_convert.javascript_bundle = bundle_once
    yield
    vl_convert.javascript_bundle = bundle


# Groups of tests that take minutes each: begun last, one of them would keep a single worker busy at the end.
LONGEST = (
    "releases", "experiments", "promote", "end_to_end", "third_network", "own candles", "plants",
    "proof plants",
)  # fmt: skip


def pytest_collection_modifyitems(items):
    """The longest groups first, what is left in its order; `--no-loadscope-reorder` keeps it so."""

    def place(item):
        groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
        return min((LONGEST.index(name) for name in groups if name in LONGEST), default=len(LONGEST))

    items.sort(key=place)


def pytest_make_parametrize_id(val, argname):
    """A file's content is no name of a test: HDF5's holds the second, in which workers may differ."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 100) else None


@pytest.fixture(scope="session")
def bundles(tmp_path_factory):
    """Two bundles of small untrained networks, one of each kind."""
    from tests.serving.bundles import make_bundle  # takes torch, which most tests need not wait for

    folder = tmp_path_factory.mktemp("models") / "promoted"
    return [make_bundle(folder, network) for network in ("lstm", "transformer")]
