"""Tags are the truth: versions, production and history come from them alone."""

import json
import subprocess

import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion.registry import Registry, assign, delete_tags, git, register
from tapeline.promotion.versions import Version

NAME = "lstm-direction"
V1, V11 = Version(1, 0, 0), Version(1, 1, 0)


@pytest.fixture
def repo(tmp_path):
    """A repository with one commit."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    commit(tmp_path)
    return tmp_path


def commit(folder):
    """One more commit."""
    git(folder, "commit", "-q", "--allow-empty", "-m", "c")
    return git(folder, "rev-parse", "HEAD").strip()


def two_versions(repo):
    """v1.0.0, then v1.1.0, each in production at its time."""
    register(repo, NAME, V1, {"bundle_id": "a"})
    assign(repo, NAME, V1, "first")
    commit(repo)
    register(repo, NAME, V11, {"bundle_id": "b", "text": "lines\nand 'quotes' \u00e9"})
    assign(repo, NAME, V11, "better")


def test_production_is_the_last_assignment(repo):
    """Also a rollback to what was there before, which GTO needs force for, and forward again."""
    two_versions(repo)
    assert Registry(repo).production(NAME).version == V11
    assert assign(repo, NAME, V1, "back") == f"{NAME}#prod#3"
    assert Registry(repo).production(NAME).version == V1
    assign(repo, NAME, V11, "forward")
    registry = Registry(repo)
    assert registry.production(NAME).version == V11
    assert [(a.number, str(a.version), a.why) for a in registry.history[NAME]] == [
        (1, "v1.0.0", "first"), (2, "v1.1.0", "better"), (3, "v1.0.0", "back"), (4, "v1.1.0", "forward"),
    ]  # fmt: skip


def test_the_index_holds_every_version_with_its_record(repo):
    """Commit, time and message come back as they were written; two readings are the same."""
    two_versions(repo)
    index = Registry(repo).index()
    first, second = index[NAME]["versions"]
    assert (first["version"], first["bundle_id"]) == ("v1.0.0", "a")
    assert second["commit"] == git(repo, "rev-parse", "HEAD").strip()
    assert second["text"] == "lines\nand 'quotes' \u00e9"
    assert json.dumps(index) == json.dumps(Registry(repo).index())
    assert index[NAME]["production"] == "v1.1.0"


def test_other_tags_are_left_alone(repo):
    """A person's own tags, light or not, are no releases."""
    git(repo, "tag", "candidate-1")
    git(repo, "tag", "-a", "x#1", "-m", "x")
    assert Registry(repo).index() == {}
    assert Registry(repo).production(NAME) is None


def test_a_tag_without_a_record_is_named(repo):
    """Somebody else's register made it."""
    git(repo, "tag", "-a", f"{NAME}@v1.0.0", "-m", "Registering artifact")
    with pytest.raises(ArtifactError, match=f"tag {NAME}@v1.0.0: its message is no record"):
        Registry(repo)


def test_a_version_that_is_not_there_is_named_with_those_that_are(repo):
    """One line."""
    two_versions(repo)
    with pytest.raises(ArtifactError, match=r"v9.0.0: is not registered; there are: v1.0.0, v1.1.0"):
        Registry(repo).release(NAME, Version(9, 0, 0))


def test_two_artifacts_share_a_commit_and_one_artifact_does_not(repo):
    """GTO takes one version of an artifact a commit."""
    register(repo, NAME, V1, {})
    register(repo, "transformer-trend", V1, {})
    with pytest.raises(ArtifactError, match="gto register lstm-direction"):
        register(repo, NAME, V11, {})


def test_a_promotion_that_was_cut_off_is_seen_and_taken_back(repo):
    """A version without production."""
    two_versions(repo)
    commit(repo)
    tag = register(repo, NAME, Version(2, 0, 0), {})
    assert Registry(repo).unfinished() == [tag]
    delete_tags(repo, [tag])
    assert Registry(repo).unfinished() == []
    assert subprocess.run(["git", "tag"], cwd=repo, capture_output=True, text=True).stdout.count("v2") == 0
