"""Kernels compiled in the project are those of its copies, and of no file that is another."""

import subprocess
import sys

import pytest

from tapeline.closure import ROOT
from tapeline.compiled import copy_kernels

KERNEL = """
from numba import njit


@njit(cache=True)
def doubled(x):
    return {} * x


print(doubled(1.0), sum(doubled.stats.cache_hits.values()))
"""
PLACE = "tapeline/room/kernel.py"


def put(project, factor=2):
    """A project of one file; its folder."""
    path = project / PLACE
    path.parent.mkdir(parents=True)
    path.write_text(KERNEL.format(factor))
    return project


def run(project):
    """What the file computes, and how often it found that compiled."""
    done = subprocess.run([sys.executable, PLACE], cwd=project, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_kernels_keep_their_places_and_replace_none(tmp_path):
    """Those of a source lie beside it; nothing else is copied, and none that is there already."""
    names = [f"tapeline/features/__pycache__/{name}" for name in ("a.nbi", "a.1.nbc", "a.cpython-311.pyc")]
    for name in (*names, "b.py"):
        (tmp_path / "from" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "from" / name).write_text(name)
    own = tmp_path / "to" / names[0]
    own.parent.mkdir(parents=True)
    own.write_text("own")
    copy_kernels(tmp_path / "from", tmp_path / "to")
    assert {path.name for path in (tmp_path / "to").rglob("*") if path.is_file()} == {"a.1.nbc", "a.nbi"}
    assert own.read_text() == "own"


def test_a_project_that_compiled_nothing_gives_nothing(tmp_path):
    """Nor does one that is not there."""
    copy_kernels(put(tmp_path / "project"), tmp_path / "copy")
    copy_kernels(tmp_path / "none", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.slow
@pytest.mark.parametrize("factor", [3, 2])
def test_a_copy_takes_what_was_compiled_of_the_same_file_alone(tmp_path, factor):
    """One of another content is compiled anew, though of the same size."""
    project, copy = put(tmp_path / "project"), put(tmp_path / "copy", factor)
    assert run(project) == ["2.0", "0"]
    copy_kernels(project, copy)
    assert run(copy) == [f"{factor}.0", str(int(factor == 2))]


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
    project, copy = put(tmp_path / "project"), put(tmp_path / "project" / place)
    run(project)
    for name in ("stages/__init__.py", "tapeline/compiled.py", "tapeline/ending.py", "tapeline/errors.py"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text((ROOT / name).read_text())
    (copy / "stages/features.py").write_text("import runpy\nrunpy.run_path('" + PLACE + "')\n")
    done = subprocess.run(
        [sys.executable, "-m", "stages.features"], cwd=copy, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["2.0", "0" if place == "elsewhere" else "1"]
