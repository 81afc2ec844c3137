"""Production as the tags say: what is whole stays, what is not comes back, what never was is left alone."""

import json
from contextlib import contextmanager

import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion.bundle import pack
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.repository import git
from tapeline.release import restore as module
from tapeline.release.restore import restore

LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """v1.0.0 of the LSTM in production, v1.1.0 of it and v1.0.0 of the other model only registered.

    DVC's part is played by folders that lie there; `fetched` lists what was asked of it.
    """
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    git(tmp_path, "commit", "-q", "-m", "run", "--allow-empty")
    record = {"why": "", "fingerprints": {}, "gates": [], "metrics": {}, "lock_sha256": ""}
    for tag in (f"{LSTM}@v1.0.0", f"{LSTM}@v1.1.0", f"{TRANSFORMER}@v1.0.0"):
        bundle_id = pack(tmp_path / "cache" / tag, {"model.onnx": tag.encode()}, {})
        git(tmp_path, "tag", "-a", "-m", json.dumps(record | {"bundle_id": bundle_id}), tag)
    git(tmp_path, "tag", "-a", "-m", '{"version": "v1.0.0"}', f"{LSTM}#prod#1")
    return tmp_path


@pytest.fixture
def fetched(repo, monkeypatch):
    """Tags whose bundles were fetched."""
    tags = []

    @contextmanager
    def fetch(folder, artifact, release):
        tags.append(release.tag)
        yield repo / "cache" / release.tag

    monkeypatch.setattr(module, "fetched", fetch)
    return tags


def test_in_a_fresh_clone_what_is_in_production_is_brought_there(repo, fetched):
    """That alone, byte for byte; the index is written, and nothing else is left beside it."""
    assert restore(print) == {LSTM: "v1.0.0, brought back"}
    assert fetched[0] == f"{LSTM}@v1.0.0"
    assert sorted(fetched) == [f"{LSTM}@v1.0.0", f"{LSTM}@v1.1.0", f"{TRANSFORMER}@v1.0.0"]  # is any lost?
    assert (repo / "models/promoted" / LSTM / "model.onnx").read_bytes() == f"{LSTM}@v1.0.0".encode()
    assert [path.name for path in (repo / "models/promoted").iterdir()] == [LSTM]
    index = json.loads((repo / "models/registry.json").read_text())
    assert {name: entry["production"] for name, entry in index.items()} == {LSTM: "v1.0.0", TRANSFORMER: None}


def test_what_is_whole_is_not_fetched_again(repo, fetched):
    """The second time nothing is to be done."""
    restore(print)
    assert restore(print) == {LSTM: "v1.0.0, as it was"}
    assert fetched.count(f"{LSTM}@v1.0.0") == 1


@pytest.mark.parametrize("damage", ["changed", "gone", "foreign"])
def test_what_is_damaged_is_replaced(repo, fetched, damage):
    """A byte that is another, a file that is not there, one too many."""
    restore(print)
    folder = repo / "models/promoted" / LSTM
    if damage == "gone":
        (folder / "model.onnx").unlink()
    else:
        (folder / {"changed": "model.onnx", "foreign": "more.txt"}[damage]).write_text("other")
    assert restore(print) == {LSTM: "v1.0.0, brought back"}
    assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "model.onnx"]
    assert [path.name for path in folder.parent.iterdir()] == [LSTM]  # the damaged one is gone


def test_a_whole_bundle_of_another_version_is_replaced(repo, fetched):
    """That of the tag counts, and not that there is one."""
    pack(repo / "models/promoted" / LSTM, {"model.onnx": f"{LSTM}@v1.1.0".encode()}, {})
    assert restore(print) == {LSTM: "v1.0.0, brought back"}
    assert verify_bundle(repo / "models/promoted" / LSTM).bundle_id == (
        verify_bundle(repo / "cache" / f"{LSTM}@v1.0.0").bundle_id
    )


def test_where_nothing_was_promoted_nothing_is_done(repo, fetched):
    """Registered versions are not in production."""
    git(repo, "tag", "--delete", f"{LSTM}#prod#1")
    assert restore(print) == {}
    assert not (repo / "models/promoted").exists()


def test_a_bundle_that_is_not_the_tags_leaves_production_as_it_was(repo, fetched):
    """What lay there stays, damaged as it is, and no half of another beside it."""
    pack(repo / "models/promoted" / LSTM, {"model.onnx": b"mine"}, {})
    (repo / "cache" / f"{LSTM}@v1.0.0" / "model.onnx").write_text("torn")
    with pytest.raises(ArtifactError, match="content differs from the manifest"):
        restore(print)
    assert (repo / "models/promoted" / LSTM / "model.onnx").read_bytes() == b"mine"
    assert [path.name for path in (repo / "models/promoted").iterdir()] == [LSTM]
