"""Tags are the truth: versions, production and history come from them alone."""

import json
import shutil
import subprocess

import pytest

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.production import delete_unfinished_tags, journal
from tapeline.promotion.registry import Registry, assign, git, register
from tapeline.promotion.release_record import ReleaseRecord
from tapeline.promotion.versions import Version

NAME = "lstm-direction"
V1, V11 = Version(1, 0, 0), Version(1, 1, 0)


def record(bundle_id="a", why="first"):
    """As little as a release has."""
    return ReleaseRecord(bundle_id=bundle_id, fingerprints={}, gates=(), lock_sha256="0", metrics={}, why=why)


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
    register(repo, NAME, V1, record())
    assign(repo, NAME, V1, "first")
    commit(repo)
    register(repo, NAME, V11, record("b", why="lines\nand 'quotes' \u00e9"))
    assign(repo, NAME, V11, "better")


def test_production_is_the_last_assignment(repo):
    """Also a rollback to what was there before, which GTO needs force for, and forward again."""
    two_versions(repo)
    assert Registry(repo, ARTIFACTS).production(NAME).version == V11
    assert assign(repo, NAME, V1, "back") == f"{NAME}#prod#3"
    assert Registry(repo, ARTIFACTS).production(NAME).version == V1
    assign(repo, NAME, V11, "forward")
    registry = Registry(repo, ARTIFACTS)
    assert registry.production(NAME).version == V11
    assert [(a.number, str(a.version), a.why) for a in registry.history[NAME]] == [
        (1, "v1.0.0", "first"), (2, "v1.1.0", "better"), (3, "v1.0.0", "back"), (4, "v1.1.0", "forward"),
    ]  # fmt: skip


def test_the_index_holds_every_version_with_its_record(repo):
    """Commit, time and message come back as they were written; two readings are the same."""
    two_versions(repo)
    index = Registry(repo, ARTIFACTS).index()
    first, second = index[NAME]["versions"]
    assert (first["version"], first["bundle_id"]) == ("v1.0.0", "a")
    assert second["commit"] == git(repo, "rev-parse", "HEAD").strip()
    assert second["why"] == "lines\nand 'quotes' \u00e9"
    assert json.dumps(index) == json.dumps(Registry(repo, ARTIFACTS).index())
    assert index[NAME]["production"] == "v1.1.0"


def test_keys_of_other_versions_of_this_project_are_read_over(repo):
    """A record that says more, of a bundle and of a gate, too, is a release; the index shows all of it."""
    gate = {"artifact": NAME, "gate": "lstm.x", "value": 1.0, "limit": ">= 0", "margin": 1.0}
    gate |= {"status": "passed", "reason": "r", "since": 3}
    more = record("c").plain() | {"gates": [gate], "text": "x"}
    git(repo, "tag", "-a", "-m", json.dumps(more), f"{NAME}@v1.0.0")
    registry = Registry(repo, ARTIFACTS)
    assert registry.ignored == {}
    assert registry.releases[NAME][0].record.gates[0].reason == "r"
    (version,) = registry.index()[NAME]["versions"]
    assert {key: version[key] for key in more} == more


TAGS = {
    "candidate-1": None,
    "x#1": "x",
    "web-app@v1.2.3": "a release of something else",
    "web-app#prod#1": json.dumps({"version": "v1.2.3"}),
    f"{NAME}#staging#1": "not production",
}
ALIKE = {
    f"{NAME}@v1.2.0": (None, "its message is no record"),
    f"{NAME}@v1.3.0": ("Registering artifact", "its message is no record"),
    f"{NAME}@v1.4.0": ("[" * 100_000, "its message is no record"),
    f"{NAME}@v1.5.0": ('{"bundle_id": "a"}', "no record of a release: why is missing"),
    f"{NAME}@v1.6.0-rc1": (json.dumps(record().plain()), "must be like v1.2.3"),
    f"{NAME}#prod": (json.dumps({"version": "v1.0.0"}), "neither registers nor puts into production"),
    f"{NAME}#prod#7": ('{"why": "x"}', "no record of an assignment: version is missing"),
}


def tag(repo, name, message):
    """A person's tag, light or not."""
    git(repo, "tag", *(["-a", "-m", message] if message else []), name)


def test_other_tags_are_left_alone(repo):
    """Of anything else in the repository, in GTO's grammar or not."""
    two_versions(repo)
    before = Registry(repo, ARTIFACTS).index()
    for name, message in TAGS.items():
        tag(repo, name, message)
    registry = Registry(repo, ARTIFACTS)
    assert registry.index() == before
    assert registry.ignored == {}


@pytest.mark.parametrize("name", ALIKE)
def test_a_tag_that_only_looks_like_a_release_stops_nothing(repo, name):
    """It is left alone, with the reason; production is what it was."""
    two_versions(repo)
    before = Registry(repo, ARTIFACTS).index()
    message, reason = ALIKE[name]
    tag(repo, name, message)
    registry = Registry(repo, ARTIFACTS)
    assert registry.index() == before
    assert reason in registry.ignored[name]


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen to sign with")
def test_a_signed_release_is_read(repo, tmp_path):
    """The signature, which git keeps in the message, is none of the record."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    for name, value in {"gpg.format": "ssh", "user.signingkey": f"{key}.pub", "tag.gpgsign": "true"}.items():
        git(repo, "config", name, value)
    git(repo, "tag", "-s", "-m", json.dumps(record("signed").plain()), f"{NAME}@v1.0.0")
    assert "BEGIN SSH SIGNATURE" in git(repo, "cat-file", "tag", f"{NAME}@v1.0.0")
    assert Registry(repo, ARTIFACTS).release(NAME, V1).record.bundle_id == "signed"


def test_a_version_that_is_not_there_is_named_with_those_that_are(repo):
    """One line."""
    two_versions(repo)
    with pytest.raises(ArtifactError, match=r"v9.0.0: is not registered; there are: v1.0.0, v1.1.0"):
        Registry(repo, ARTIFACTS).release(NAME, Version(9, 0, 0))


def test_two_artifacts_share_a_commit_and_one_artifact_does_not(repo):
    """GTO takes one version of an artifact a commit."""
    register(repo, NAME, V1, record())
    register(repo, "transformer-trend", V1, record())
    with pytest.raises(ArtifactError, match="gto register lstm-direction"):
        register(repo, NAME, V11, record())


def test_a_promotion_that_was_cut_off_is_taken_back_and_no_other(repo):
    """A version without production, of a promotion here; one that came from elsewhere stays."""
    two_versions(repo)
    commit(repo)
    begun = register(repo, NAME, Version(2, 0, 0), record())
    other = register(repo, "transformer-trend", V1, record())
    assert Registry(repo, ARTIFACTS).unfinished() == [begun, other]
    assert delete_unfinished_tags(repo, ARTIFACTS) == []
    with pytest.raises(RuntimeError), journal(repo, [begun]):
        raise RuntimeError
    assert delete_unfinished_tags(repo, ARTIFACTS) == [begun]
    assert Registry(repo, ARTIFACTS).unfinished() == [other]
    assert delete_unfinished_tags(repo, ARTIFACTS) == []
    with journal(repo, [other]):
        pass
    assert delete_unfinished_tags(repo, ARTIFACTS) == []
