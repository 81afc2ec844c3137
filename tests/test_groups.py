"""Tests that share a run stay on one worker: made twice, the runs would take half of CI's time."""

import pytest


@pytest.mark.xdist_group("guard")
def test_groups_are_seen(request):
    """pytest-xdist marks what is grouped in the test's id, which decides where it runs."""
    if request.config.getoption("loadgroup", False):  # of a worker, where the suite is shared out
        assert request.node.nodeid.endswith("@guard")
