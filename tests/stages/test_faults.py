"""Every stage and command that writes, killed or starved between its files: each is whole, and it runs again.

A sample here, all of it by `make torture`, which prints a table.
"""

import shutil
from collections import Counter

import pytest

from tapeline.closure import ROOT
from tests.faulting import ERRORS, KILLS, Laboratory, show
from tests.workshop import Workshop

pytestmark = pytest.mark.xdist_group("faulted stages")

# How many of its steps each is faulted at; fewest where it takes longest.
POINTS = {
    "ingest": 24, "features": 24, "expectations": 4, "splits": 20, "train_lstm": 16, "train_transformer": 16,
    "evaluate": 12, "promote": 6, "latency": 10, "report": 10, "runs": 10, "docs": 16, "deps": 4,
}  # fmt: skip


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory):
    """One for all tests of the module, of a project without a run; every process of a stage is its own."""
    shop = Workshop(tmp_path_factory.mktemp("shop"))
    shutil.copy(ROOT / "dvc.lock", shop.folder / "dvc.lock")  # a trial to note
    shop.commit("run")
    laboratory = Laboratory("tests.stages.faults", shop.folder)
    yield laboratory
    laboratory.close()


def spread(values, n):
    """At most `n` of `values`, evenly."""
    n = min(n, len(values))
    return [values[k * (len(values) - 1) // max(n - 1, 1)] for k in range(n)]


def points(steps, n):
    """Steps to fault: two thirds are a rename or what follows one, between two files; the rest are spread."""
    renames = [k for k, step in enumerate(steps, start=1) if step == "os.rename"]
    aimed = sorted({k for rename in renames for k in (rename, rename + 1) if k <= len(steps)})
    chosen = spread(aimed, -(-2 * n // 3))
    rest = [k for k in range(1, len(steps) + 1) if k not in chosen]
    return sorted({*chosen, *spread(rest, n - len(chosen))})


def faulted(laboratory, name, n_points):
    """Fault a writer at so many steps, every fault in turn; outcomes, and what went wrong."""
    outcomes, wrong = Counter(before=0, between=0, after=0), []
    steps = laboratory.ask(name=name, number=0, fault="")["steps"]
    for k, number in enumerate(points(steps, n_points)):
        fault = [*KILLS, *ERRORS][k % 7]
        found = laboratory.ask(name=name, number=number, fault=fault)
        outcomes[found["outcome"]] += 1
        if found["wrong"]:
            wrong.append((name, number, fault, found))
    return outcomes, wrong


@pytest.mark.slow
@pytest.mark.parametrize(("name", "n_points"), [("docs", 2), ("ingest", 2), ("features", 2)])
def test_a_writer_that_is_cut_off_leaves_whole_files_and_runs_again(laboratory, name, n_points):
    """Between its files as well; then what it leaves is the same to the byte, and nothing beside it."""
    _, wrong = faulted(laboratory, name, n_points)
    assert wrong == []


@pytest.mark.torture
@pytest.mark.parametrize("name", POINTS)
def test_a_hundred_and_seventy_faults_of_all_that_writes(laboratory, name, capsys):
    """Every stage and command, killed and starved in turn."""
    outcomes, wrong = faulted(laboratory, name, POINTS[name])
    with capsys.disabled():
        show("faulted", {name: outcomes}, wrong)
    assert wrong == []
