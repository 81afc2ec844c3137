"""Kernels compiled in the project are those of its copies, and of no file that is another."""

import os
import subprocess
import sys

import pytest

from tapeline.closure import ROOT
from tapeline.compiled import take_compiled

KERNEL = """
from numba import njit


@njit(cache=True)
def doubled(x):
    return {} * x


print(doubled(1.0), sum(doubled.stats.cache_hits.values()))
"""
PLACE = "tapeline/room/kernel.py"


def put(project, factor, time):
    """A project of one file, as new as `time`; its folder."""
    path = project / PLACE
    path.parent.mkdir(parents=True)
    path.write_text(KERNEL.format(factor))
    os.utime(path, (time, time))
    return project


def run(project):
    """What the file computes, and how often it found that compiled."""
    done = subprocess.run([sys.executable, PLACE], cwd=project, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.slow
@pytest.mark.parametrize("other", [3, 2])
def test_a_copy_takes_what_was_compiled_of_the_same_file_alone(tmp_path, other):
    """Whatever its time is; one of another content is compiled anew, though of the same size and time."""
    project, copy = (
        put(tmp_path / "project", 2, 1000),
        put(tmp_path / "copy", other, 2000 - 1000 * (other == 3)),
    )
    assert run(project) == ["2.0", "0"]
    take_compiled(project, copy)
    assert run(copy) == [f"{other}.0", str(int(other == 2))]
    before = sorted((path.name, path.stat().st_mtime_ns) for path in copy.rglob("*"))
    take_compiled(project, copy)  # which has its own by now
    assert sorted((path.name, path.stat().st_mtime_ns) for path in copy.rglob("*")) == before


@pytest.mark.slow
def test_a_project_that_compiled_nothing_gives_nothing(tmp_path):
    """And a file that the copy lacks is left out."""
    project, copy = put(tmp_path / "project", 2, 1000), tmp_path / "copy"
    take_compiled(project, copy)
    assert run(project) == ["2.0", "0"]
    copy.mkdir()
    take_compiled(project, copy)
    assert list(copy.iterdir()) == []


@pytest.mark.parametrize(
    "place",
    [
        ".dvc/tmp/exps/tmp1234",
        pytest.param(".dvc/tmp/exps/standalone/tmp1", marks=pytest.mark.slow),
        pytest.param("elsewhere", marks=pytest.mark.slow),
    ],
)
def test_an_experiment_of_dvc_takes_the_projects(tmp_path, place):
    """Where DVC checks it out, and nowhere else: the stages' package says so before anything is imported."""
    project, copy = put(tmp_path / "project", 2, 1000), put(tmp_path / "project" / place, 2, 2000)
    run(project)
    for name in ("stages/__init__.py", "tapeline/compiled.py", "tapeline/ending.py", "tapeline/errors.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text((ROOT / name).read_text())
    (copy / "stages/features.py").write_text("import runpy\nrunpy.run_path('" + PLACE + "')\n")
    done = subprocess.run(
        [sys.executable, "-m", "stages.features"], cwd=copy, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2.0", "0" if place == "elsewhere" else "1"]
