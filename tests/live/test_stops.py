"""A stop is written down with its reasons, by bundles."""

import pytest

from tapeline.errors import ArtifactError
from tapeline.live.stops import read_stops, write_stop


def test_stops_are_those_of_the_same_bundles(tmp_path):
    """Others have their own; nothing is lost when one is added."""
    one, other = {"a": "1"}, {"a": "2"}
    assert read_stops(tmp_path, one) == ()
    write_stop(tmp_path, one, ["it fell", "it lost"])
    assert read_stops(tmp_path, other) == ()
    write_stop(tmp_path, other, ["it drifted"])
    assert read_stops(tmp_path, one) == ("it fell", "it lost")
    assert read_stops(tmp_path, other) == ("it drifted",)


@pytest.mark.parametrize("text", ["", "{", '{"bundles": 1}', '[{"bundles": {"a": "1"}}]', "[3]"])
def test_a_file_that_can_not_be_read_does_not_pass_for_none(tmp_path, text):
    """It would be the wrong side to err on."""
    (tmp_path / "stops.json").write_text(text)
    with pytest.raises(ArtifactError, match=r"stops.json: can't be read; remove it"):
        read_stops(tmp_path, {"a": "1"})
