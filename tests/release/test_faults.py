"""Killed, starved or tampered with at whatever step, the next command finds all as before or as after.

A sample here, all of it by `make torture`, which prints a table.
"""

import subprocess
import sys
from collections import Counter

import pytest

from tapeline.closure import ROOT
from tests.faulting import ERRORS, KILLS, Laboratory, show
from tests.release.former import LSTM, TRANSFORMER, two_runs

pytestmark = pytest.mark.xdist_group("faults")

CHANGES = {
    "promote": ["promote_two"],
    "rollback": ["rollback", LSTM],
    "withdraw": ["withdraw", LSTM],
    "shadow": ["shadow", LSTM, "v1.1.0"],
    "restore": ["restore"],
    "registry": ["registry"],
}
# What comes after a fault changes nothing but what has to be healed.
NEXT = [
    ["restore"], ["registry"], ["predict"], ["verify"], ["promote"], ["check_release", f"{LSTM}@v1.0.0"],
    ["rollback", LSTM, "v9.9.9"], ["withdraw", TRANSFORMER, "shadow"], ["shadow", LSTM, "v9.9.9"],
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Two runs and their releases, restored, v1.0.0 in the shadow."""
    folder = two_runs(tmp_path_factory.mktemp("shop"))
    for command in (["restore"], ["shadow", LSTM, "v1.0.0"]):
        environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "HOME": str(folder)}
        done = [sys.executable, "-m", f"commands.{command[0]}", *command[1:]]
        subprocess.run(done, cwd=folder, env=environment, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def laboratory(shop):
    """One for all tests of the module."""
    laboratory = Laboratory("tests.release.faults", shop)
    yield laboratory
    laboratory.close()


def faulted(laboratory, faults, n_points):
    """Fault every change at `n_points` steps spread over it; outcomes by command, and what went wrong."""
    outcomes, wrong, k = {}, [], 0
    for name, command in CHANGES.items():
        steps = laboratory.ask(command=command, number=0, fault="", following=[])["steps"]
        outcomes[name] = Counter()
        for point in range(n_points):
            number = 1 + point * (steps - 1) // max(n_points - 1, 1)
            found = laboratory.ask(
                command=command, number=number, fault=faults[k % len(faults)], following=NEXT[k % len(NEXT)]
            )
            outcomes[name][found["outcome"]] += 1
            if found["wrong"]:
                wrong.append((name, number, faults[k % len(faults)], NEXT[k % len(NEXT)], found))
            k += 1
    return outcomes, wrong


@pytest.mark.slow
def test_a_change_that_is_cut_off_is_finished_or_taken_back_by_the_next_command(laboratory):
    """Whatever was killed, at two of its steps, and whichever command comes next; it says so in a line."""
    _, wrong = faulted(laboratory, KILLS, 2)
    assert wrong == []


@pytest.mark.slow
def test_a_change_that_fails_leaves_all_as_it_was(laboratory):
    """A full disk, a missing permission, too many files: one line, and no traceback."""
    _, wrong = faulted(laboratory, ERRORS, 1)
    assert wrong == []


@pytest.mark.torture
def test_two_hundred_kills(laboratory, capsys):
    """At 40 steps of each change, with every signal in turn."""
    outcomes, wrong = faulted(laboratory, KILLS, 40)
    with capsys.disabled():
        show("killed", outcomes, wrong)
    assert sum(sum(counted.values()) for counted in outcomes.values()) >= 200
    assert wrong == []


@pytest.mark.torture
def test_forty_resource_faults(laboratory, capsys):
    """At 8 steps of each change, every error in turn."""
    outcomes, wrong = faulted(laboratory, ERRORS, 8)
    with capsys.disabled():
        show("starved", outcomes, wrong)
    assert sum(sum(counted.values()) for counted in outcomes.values()) >= 40
    assert wrong == []
