"""Back to an earlier version: which one it is, and that all is as before where it can't be put back."""

import json
from contextlib import contextmanager

import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion import change
from tapeline.promotion.bundle import pack
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.release import rollback as module
from tapeline.release.rollback import choose, rollback, shadow, withdraw

NAME = "lstm-direction"
RECORD = {"why": "", "fingerprints": {}, "gates": [], "metrics": {}, "lock_sha256": ""}


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with a commit, the working directory."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    git(tmp_path, "commit", "-q", "-m", "run", "--allow-empty")
    return tmp_path


def release(folder, version, bundle_id="b"):
    """Register a version, on a commit of its own."""
    git(folder, "commit", "-q", "-m", version, "--allow-empty")
    message = json.dumps(RECORD | {"bundle_id": bundle_id})
    git(folder, "tag", "-a", "-m", message, f"{NAME}@{version}")


def assign(folder, *versions, first=1):
    """Put these versions into production, one after the other."""
    for number, version in enumerate(versions, start=first):
        message = json.dumps({"version": version, "why": ""})
        git(folder, "tag", "-a", "-m", message, f"{NAME}#prod#{number}", f"{NAME}@{version}^{{}}")


def chosen(folder, to=""):
    """The version that is gone to."""
    return str(choose(Registry(folder, [NAME]), NAME, to).version)


def test_without_a_name_it_is_the_last_other_version_that_was_in_production(repo):
    """After going back and forth, too; one that was only registered is none."""
    for version in ("v1.0.0", "v1.1.0", "v1.2.0"):
        release(repo, version)
    assign(repo, "v1.0.0", "v1.1.0")
    assert chosen(repo) == "v1.0.0"
    assign(repo, "v1.0.0", first=3)
    assert chosen(repo) == "v1.1.0"
    assign(repo, "v1.0.0", first=4)
    assert chosen(repo) == "v1.1.0"
    assign(repo, "v1.2.0", first=5)
    assert chosen(repo) == "v1.0.0"
    assign(repo, "v1.1.0", "v1.2.0", first=6)
    assert chosen(repo) == "v1.1.0"  # and not the first that ever was


def test_by_its_name_any_registered_version_is_gone_to(repo):
    """Whether it was in production before or not, also a later one."""
    for version in ("v1.0.0", "v1.1.0", "v2.0.0"):
        release(repo, version)
    assign(repo, "v1.0.0", "v1.1.0")
    assert chosen(repo, "v1.0.0") == "v1.0.0"
    assert chosen(repo, "v2.0.0") == "v2.0.0"


def test_where_there_is_nothing_to_go_to_it_is_said_why(repo):
    """Nothing in production; one version alone; that in production already; none of that name; no version."""

    def refusal(to=""):
        with pytest.raises(ArtifactError) as caught:
            chosen(repo, to)
        return str(caught.value)

    release(repo, "v1.0.0")
    assert refusal() == refusal("v1.0.0") == f"{NAME}: nothing is in production"
    assign(repo, "v1.0.0", "v1.0.0")
    assert refusal() == f"{NAME}: v1.0.0 is the only version that was in production; " + (
        f"`make withdraw MODEL={NAME}` takes it out and puts nothing in its place"
    )
    assert refusal("v1.0.0") == f"{NAME}: v1.0.0 is in production already; `make restore` mends its files"
    assert refusal("v3.0.0") == f"{NAME} v3.0.0: is not registered; there are: v1.0.0"
    assert "must be like v1.2.3" in refusal("latest")


@pytest.fixture
def promoted(repo, monkeypatch):
    """Two versions, the later in production; DVC's part is played by folders that lie there."""
    ids = {v: pack(repo / "cache" / v, {"model.onnx": v.encode()}, {}) for v in ("v1.0.0", "v1.1.0")}
    for version, bundle_id in ids.items():
        release(repo, version, bundle_id)
    assign(repo, "v1.0.0", "v1.1.0")
    pack(repo / "models/promoted" / NAME, {"model.onnx": b"v1.1.0"}, {})

    @contextmanager
    def fetched(folder, artifact, release):
        yield repo / "cache" / str(release.version)

    monkeypatch.setattr(module, "fetched", fetched)
    return ids


def test_the_earlier_version_is_in_production_and_history_is_added_to(repo, promoted):
    """Its files, one more assignment with the reason, and the index."""
    assert str(rollback(NAME, "", "it lost money", print).version) == "v1.0.0"
    assert verify_bundle(repo / "models/promoted" / NAME).bundle_id == promoted["v1.0.0"]
    history = Registry(repo, [NAME]).history[NAME]
    assert [str(a.version) for a in history] == ["v1.0.0", "v1.1.0", "v1.0.0"]
    assert history[-1].why == "it lost money"
    index = json.loads((repo / "models/registry.json").read_text())
    assert index[NAME]["production"] == "v1.0.0"
    assert [path.name for path in (repo / "models/promoted").iterdir()] == [NAME]


def test_without_a_reason_one_is_given(repo, promoted):
    """History has no empty lines."""
    rollback(NAME, "v1.0.0", "", print)
    assert Registry(repo, [NAME]).history[NAME][-1].why == "rolled back"


@pytest.mark.parametrize("step", ["stage_bundle", "create_tag", "put_in_place", "write_index"])
def test_where_a_step_fails_files_and_tags_are_as_before(repo, promoted, monkeypatch, step):
    """Whichever it is, also after it did its part."""
    did = getattr(change, step)

    def fail(*arguments):
        monkeypatch.setattr(change, step, did)
        did(*arguments)
        raise OSError("disk full")

    monkeypatch.setattr(change, step, fail)
    with pytest.raises(OSError, match="disk full"):
        rollback(NAME, "", "why", print)
    assert verify_bundle(repo / "models/promoted" / NAME).bundle_id == promoted["v1.1.0"]
    assert [a.number for a in Registry(repo, [NAME]).history[NAME]] == [1, 2]


@pytest.mark.parametrize("change", [rollback, shadow, withdraw])
def test_a_model_that_is_none_is_refused_by_name(change):
    """Before anything is read or locked: what it is, and what there is."""
    with pytest.raises(ArtifactError, match="^MODEL is .lstm.: must be one of lstm-direction"):
        change("lstm", "", "", print)
