"""The run that tests of the referee plant their faults in; it is never changed in place."""

import pytest

from tests.referee.hand_made import make_run


@pytest.fixture(scope="session")
def run():
    """A run in which everything is as it has to be."""
    return make_run()
