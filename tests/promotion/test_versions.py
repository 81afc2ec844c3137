"""The version follows from what differs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import ArtifactError
from tapeline.promotion.versions import FIRST, LEVELS, Version, changed, next_version

SAME = dict.fromkeys(LEVELS, "a")
VERSIONS = st.builds(Version, *[st.integers(0, 99)] * 3)


@pytest.mark.parametrize(
    ("differs", "expected"),
    [
        ({"contract": "b"}, "v2.0.0"),
        ({"contract": "b", "params": "b", "data": "b"}, "v2.0.0"),
        ({"params": "b"}, "v1.3.0"),
        ({"code": "b", "seed": "b"}, "v1.3.0"),
        ({"data": "b"}, "v1.2.4"),
        ({"seed": "b"}, "v1.2.4"),
        ({}, "v1.2.4"),
    ],
)
def test_the_heaviest_change_decides(differs, expected):
    """Contract: major; params or code: minor; data or seed alone: patch."""
    version, why = next_version(SAME | differs, SAME, {Version(1, 0, 0): SAME, Version(1, 2, 3): SAME})
    assert str(version) == expected
    assert all(name in why for name in differs)
    assert changed(SAME | differs, SAME) == [name for name in LEVELS if name in differs]


def test_the_first_is_one():
    """v1.0.0, and not GTO's v0.0.1."""
    assert next_version(SAME, None, {}) == (FIRST, "the first in production")


def test_after_a_rollback_what_the_highest_has_otherwise_counts_too():
    """v2.0.1 would promise the contract of v2.0.0, and the champion, v1.0.0, has another."""
    known = {Version(1, 0, 0): SAME, Version(2, 0, 0): SAME | {"contract": "b"}}
    version, why = next_version(SAME | {"data": "b"}, SAME, known)
    assert (str(version), why) == ("v3.0.0", "major: contract, data changed since v2.0.0")
    back = next_version(SAME | {"contract": "b", "data": "b"}, SAME, known)
    assert (str(back[0]), back[1]) == ("v3.0.0", "major: contract, data changed")
    known = {Version(1, 0, 0): SAME, Version(1, 1, 0): SAME | {"params": "b"}}
    assert str(next_version(SAME | {"data": "b"}, SAME, known)[0]) == "v1.2.0"


@given(st.lists(VERSIONS, min_size=1), st.sampled_from(sorted(LEVELS)))
def test_a_version_is_above_all_there_were(known, name):
    """Also after a rollback to an older one."""
    version, _ = next_version(SAME | {name: "b"}, SAME, dict.fromkeys(known, SAME))
    assert version > max(known)


@given(VERSIONS)
def test_versions_are_read_as_they_are_written(version):
    """There and back."""
    assert Version.parse(str(version)) == version


@pytest.mark.parametrize("text", ["1.0.0", "v1.0", "v1.0.0-rc.1", "v01.0.0", "", "v1.0.0 "])
def test_what_is_no_version_is_refused(text):
    """GTO counts release candidates as the latest; here there are none."""
    with pytest.raises(ArtifactError, match="must be like v1.2.3"):
        Version.parse(text)
