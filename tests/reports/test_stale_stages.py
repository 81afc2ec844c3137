"""A stage is stale where its files are others than recorded, not where they are merely missing."""

import pytest

from tapeline.reports.stale_stages import stale_of, stale_stages


@pytest.mark.parametrize(
    ("entries", "is_stale"),
    [
        ([{"changed outs": {"plots/equity.csv": "modified"}}], True),
        ([{"changed outs": {"data/features": "deleted"}}], False),
        ([{"changed outs": {"data/features": "not in cache"}}], False),
        ([{"changed deps": {"params.yaml": {"model.hidden": "modified"}}}], True),
        ([{"changed deps": {"stages/evaluate.py": "modified"}}], True),
        ([{"changed deps": {"tapeline/new.py": "new"}}], True),
        (["changed command"], True),
        ([], False),
    ],
)
def test_what_makes_a_stage_stale(entries, is_stale):
    """Another content of an input or output, another param, another command."""
    assert stale_of({"evaluate": entries}) == (["evaluate"] if is_stale else [])


def test_outside_a_repository_nothing_is_known(tmp_path, monkeypatch):
    """And nothing is said."""
    monkeypatch.chdir(tmp_path)
    assert stale_stages() == []
