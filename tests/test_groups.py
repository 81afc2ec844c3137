"""Tests that share a run stay on one worker: made twice, the runs would take half of CI's time."""

import re

import pytest

from tapeline.closure import ROOT
from tests.conftest import LONGEST


@pytest.mark.xdist_group("guard")
def test_groups_are_seen(request):
    """pytest-xdist marks what is grouped in the test's id, which decides where it runs."""
    if request.config.getoption("loadgroup", False):  # of a worker, where the suite is shared out
        assert request.node.nodeid.endswith("@guard")


def test_the_longest_groups_are_begun_first(request):
    """In the order in which they are named, before everything else; and each is a group that exists."""
    places = []
    for item in request.session.items:
        groups = [mark.args[0] for mark in item.iter_markers("xdist_group")]
        places.append(next((LONGEST.index(name) for name in groups if name in LONGEST), len(LONGEST)))
    assert places == sorted(places)
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert all(f'xdist_group("{name}")' in tests for name in LONGEST)
    assert "--no-loadscope-reorder" in (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("content", [b"\x89HDF", b"\x89HDF 2", "a" * 101])
def test_contents_of_files_are_no_names_of_tests(request, content):
    """Or two workers that make them in another second do not collect the same tests."""
    assert re.search(r"\[content\d\]", request.node.nodeid)
