"""What must be the same everywhere, and the line that says what is not."""

import pytest

from tapeline.closure import ROOT
from tapeline.cluster.sameness import WRITTEN, describe, difference

HERE = {WRITTEN: "x", "code": "1", "Python": "3.11.7", "numpy": "2.4.1", "pandas": "3.1.0"}
FROM = ": start it from this environment"


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ""),
        ({"torch": "2.13.0"}, ""),  # beside what is pinned
        ({WRITTEN: "", "code": "2"}, "doesn't see a file written here: "),
        ({"code": "2", "numpy": "1"}, "has other code of tapeline: "),
        ({"numpy": "2.3.0"}, "has numpy 2.3.0 and not 2.4.1" + FROM),
        ({"Python": "3.12.1", "pandas": ""}, "has Python 3.12.1 and not 3.11.7, pandas missing and not "),
    ],
)  # fmt: skip
def test_the_first_thing_that_differs_is_told(changed, told):
    """In the order in which one is to be mended."""
    found = difference(HERE, HERE | changed)
    assert found.startswith(told)
    assert bool(found) == bool(told)


def test_a_process_says_what_it_is(tmp_path):
    """Versions of all that the pipeline pins; what was written; the same code twice."""
    (tmp_path / WRITTEN).write_text("x")
    found = describe(tmp_path)
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pinned = {line.split("==")[0] for line in lines if "==" in line}
    assert found.keys() == {WRITTEN, "code", "Python"} | pinned
    assert all(found.values())
    assert found[WRITTEN] == "x"
    assert describe(tmp_path / "nowhere") == found | {WRITTEN: ""}
