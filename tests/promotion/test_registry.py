"""Tags are the truth: versions, production and history come from them alone."""

import json
import os
import shutil
import subprocess
import time
from functools import cache

import gto.api
import pytest
from gto.constants import Action, VersionSort
from gto.tag import name_tag
from hypothesis import given, settings
from hypothesis import strategies as st
from scmrepo.git import Git

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.pending_tags import head, registration
from tapeline.promotion.registry import PROD, SHADOW, Registry
from tapeline.promotion.repository import git, require_identity
from tapeline.promotion.tags import create_tag, date_for, made
from tapeline.promotion.versions import Version
from tapeline.reports.versions_table import versions_table
from tests.promotion.tagging import (
    as_json,
    assign,
    commit,
    new_repository,
    raw_tag,
    record,
    register,
    withdraw,
)

NAME = "lstm-direction"
V1, V11 = Version(1, 0, 0), Version(1, 1, 0)


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with one commit, of whose tags none waits for the next second."""
    monkeypatch.setattr("tapeline.promotion.tags.LONGEST_WAIT_S", 0)
    return new_repository(tmp_path)


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
    f"{NAME}@v1.2.0": (None, "it is a light tag"),
    f"{NAME}@v1.3.0": ("Registering artifact", "its message is no record"),
    f"{NAME}@v1.4.0": ("[" * 100_000, "its message is no record"),
    f"{NAME}@v1.5.0": ('{"bundle_id": "a"}', "no record of a release: why is missing"),
    f"{NAME}@v1.6.0-rc1": (json.dumps(record().plain()), "must be like v1.2.3"),
    f"{NAME}#prod": (json.dumps({"version": "v1.0.0"}), "v1.1.0 is registered, and it says v1.0.0"),
    f"{NAME}#prod#7": ('{"why": "x"}', "no record of an assignment: version is missing"),
    f"{NAME}#prod#8": ('{"version": "v9.0.0", "why": "x"}', "and it says v9.0.0"),
    f"{NAME}#prod#9": ('{"version": [1]}', "no record of an assignment: version"),
    f"{NAME}#prod#10": ('{"version": "v1.1.0", "why": "\\ud800"}', "half a character"),
    f"{NAME}@v9.9.9!": ("gone", "v9.9.9: is not registered"),
    f"{NAME}@created": ("x", "neither registers a version nor assigns one"),
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


FOREIGN = {
    f"{NAME}@v3.0.0": (b'{"why": "\xff\xfe"}', "its message is not UTF-8"),
    f"{NAME}#prod#30": (b"\xc3\x28", "its message is not UTF-8"),
    f"{NAME}@v3.0.1": (b"", "its message is no record"),
    f"{NAME}@v3.0.2": (b'{"bundle_id": 7, "fingerprints": []}', "its message is no record"),
    f"{NAME}@v3.0.3": (b"{}" * 100_000, "its message is no record"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_tag_of_any_bytes_is_named_and_passed_over(repo, name):
    """Production is what it was; tags can still be made beside it."""
    two_versions(repo)
    before = Registry(repo, ARTIFACTS).index()
    message, reason = FOREIGN[name]
    raw_tag(repo, name, message)
    registry = Registry(repo, ARTIFACTS)
    assert registry.index() == before
    assert reason in registry.ignored[name]
    assert any(line.startswith(f"tag {name}: left alone, ") for line in registry.notes())
    assign(repo, NAME, V1, "back")
    assert Registry(repo, ARTIFACTS).production(NAME).version == V1


def test_a_tag_of_a_file_or_of_another_tag_is_passed_over(repo):
    """Neither is a commit that can be checked out."""
    two_versions(repo)
    (repo / "file").write_text("x")
    blob = git(repo, "hash-object", "-w", "file").strip()
    message = json.dumps(record().plain())
    git(repo, "tag", "-a", "-m", message, f"{NAME}@v4.0.0", blob)
    git(repo, "tag", "-a", "-m", message, f"{NAME}@v4.0.1", f"{NAME}@v1.0.0")
    registry = Registry(repo, ARTIFACTS)
    assert registry.ignored[f"{NAME}@v4.0.0"] == "it tags a blob, not a commit"
    assert f"{NAME}@v4.0.1" in registry.ignored or registry.release(NAME, Version(4, 0, 1))


@cache
def released(folder):
    """A repository with one release, to be copied."""
    repo = new_repository(folder / "released")
    register(repo, NAME, V1, record())
    return repo


@settings(max_examples=settings.default.max_examples * 3 // 5)
@given(
    st.binary(max_size=200) | st.text(max_size=80).map(str.encode), st.sampled_from(["@v5.0.0", "#prod#50"])
)
def test_whatever_a_tag_says_the_registry_is_read(tmp_path_factory, message, suffix):
    """It is named, or it is a release or an assignment; the table and the index are written."""
    repo = tmp_path_factory.mktemp("any")
    shutil.copytree(released(tmp_path_factory.getbasetemp()), repo, dirs_exist_ok=True)
    raw_tag(repo, NAME + suffix, message.replace(b"\0", b""))
    registry = Registry(repo, ARTIFACTS)
    versions_table(registry).to_string()
    json.dumps(registry.index()).encode()
    assert registry.ignored or registry.history[NAME]


def gtos_answer(repo, environment):
    """The version that `gto show` names."""
    with gto.api.GitRegistry.from_url(str(repo)) as registry:
        state = registry.get_state()
        stages = state.find_artifact(NAME).get_vstages(sort=VersionSort.Timestamp)
    return stages[environment][0].version if environment in stages else None


def by_gto(action, repo, version, now, stage=None):
    """The tag that GTO itself makes, dated `now`: its own clock can't be set."""
    with Git(str(repo)) as scm:
        name = name_tag(action, NAME, version=str(version), stage=stage, scm=scm, simple=stage is None)
    commit_of = git(repo, "rev-parse", f"{NAME}@{version}^{{}}").strip()
    git(
        repo,
        "tag",
        "-a",
        "-m",
        f"{action.value} by hand",
        name,
        commit_of,
        GIT_COMMITTER_DATE=f"@{now} +0000",
    )


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["assign", "withdraw", "gto assign", "gto unassign", "gto deregister"]),
        st.sampled_from([V1, V11, Version(2, 0, 0)]),
        st.sampled_from([PROD, SHADOW]),
    ),
    max_size=6,
)


@settings(max_examples=10)
@given(ACTIONS)
def test_what_is_in_production_is_what_gto_says(tmp_path_factory, actions):
    """After any sequence of ours and of GTO's own tags, in both environments."""
    repo, clock = new_repository(tmp_path_factory.mktemp("gto")), {"now": int(time.time()) + 10}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tapeline.promotion.tags.LONGEST_WAIT_S", 0)
        for version in (V1, V11, Version(2, 0, 0)):
            register(repo, NAME, version, record(str(version)))
            commit(repo)
    for action, version, environment in actions:
        is_deprecated = f"{NAME}@{version}" in Registry(repo, ARTIFACTS).deprecated
        clock["now"] += 10
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("time.time", lambda: clock["now"])
            if action == "assign" and not is_deprecated:
                assign(repo, NAME, version, "x", environment)
            elif action == "withdraw":
                withdraw(repo, NAME, environment)
            elif action == "gto assign" and not is_deprecated:
                by_gto(Action.ASSIGN, repo, version, clock["now"], environment)
            elif action == "gto unassign" and gtos_answer(repo, environment):
                by_gto(Action.UNASSIGN, repo, gtos_answer(repo, environment), clock["now"], environment)
            elif action == "gto deregister" and not is_deprecated:
                by_gto(Action.DEREGISTER, repo, version, clock["now"])
    registry = Registry(repo, ARTIFACTS)
    assert registry.ignored == {}
    for environment in (PROD, SHADOW):
        serving = registry.in_environment(NAME, environment)
        assert (str(serving.version) if serving else None) == gtos_answer(repo, environment)


def test_what_gto_deprecates_is_named(repo):
    """A version that is deprecated leaves production; the one before serves again; a model is told of."""
    two_versions(repo)
    for name in (f"{NAME}@v1.1.0!", f"{NAME}@deprecated"):
        git(repo, "tag", "-a", "-m", "old", name, GIT_COMMITTER_DATE="2030-01-01T00:00:00Z")
    registry = Registry(repo, ARTIFACTS)
    assert registry.production(NAME).version == V1
    assert registry.notes() == [
        f"{NAME}: deprecated by tag {NAME}@deprecated", f"{NAME}@v1.1.0: deprecated by tag {NAME}@v1.1.0!",
    ]  # fmt: skip
    assert registry.index()[NAME]["versions"][1]["deprecated"] == f"{NAME}@v1.1.0!"


def test_withdrawn_altogether_nothing_is_in_production(repo):
    """The version before does not come back; tags are only added; it can be assigned again."""
    two_versions(repo)
    before = git(repo, "tag").split()
    assert withdraw(repo, NAME) == [f"{NAME}#prod!#3", f"{NAME}#prod!#4"]
    registry = Registry(repo, ARTIFACTS)
    assert registry.production(NAME) is None
    assert gtos_answer(repo, PROD) is None
    assert set(before) <= set(git(repo, "tag").split())
    assert [entry.get("withdrawn", False) for entry in registry.index()[NAME]["history"]] == [False] * 2 + [
        True
    ] * 2
    assign(repo, NAME, V1, "again")
    assert Registry(repo, ARTIFACTS).production(NAME).version == V1


def test_a_shadow_leaves_production_alone(repo):
    """Its tags count on from those of production."""
    two_versions(repo)
    assert assign(repo, NAME, V1, "to compare", SHADOW) == f"{NAME}#shadow#3"
    registry = Registry(repo, ARTIFACTS)
    assert (registry.production(NAME).version, registry.shadow(NAME).version) == (V11, V1)
    index = registry.index()[NAME]
    assert (index["shadow"], [entry["tag"] for entry in index["shadows"]]) == ("v1.0.0", [f"{NAME}#shadow#3"])
    assert list(versions_table(registry)["shadow"]) == ["yes", ""]


def test_two_artifacts_share_a_commit(repo):
    """Each assignment is of its own artifact's version there."""
    register(repo, NAME, V1, record())
    register(repo, "transformer-trend", V11, record())
    assign(repo, "transformer-trend", V11, "x")
    registry = Registry(repo, ARTIFACTS)
    assert (registry.production(NAME), registry.production("transformer-trend").version) == (None, V11)


def test_two_versions_at_one_commit_are_told_apart_by_the_record_alone(repo):
    """GTO's own tag does not say which of them it means."""
    register(repo, NAME, V1, record())
    register(repo, NAME, V11, record("b"))
    assign(repo, NAME, V1, "x")
    git(repo, "tag", "-a", "-m", "Assigning", f"{NAME}#prod#2")
    registry = Registry(repo, ARTIFACTS)
    assert registry.production(NAME).version == V1
    assert "does not say which it means" in registry.ignored[f"{NAME}#prod#2"]


def test_tags_are_signed_where_git_is_told_to(repo):
    """`tag.gpgsign`, which GTO itself passes over; a key that is missing is a line."""
    git(repo, "config", "tag.gpgsign", "true")
    git(repo, "config", "gpg.format", "ssh")
    git(repo, "config", "user.signingkey", str(repo / "none.pub"))
    with pytest.raises(ArtifactError, match=f"tag {NAME}@v1.0.0: tag.gpgsign is set, and git can't sign it"):
        register(repo, NAME, V1, record())
    assert git(repo, "tag") == ""
    if shutil.which("ssh-keygen"):
        key = repo / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        git(repo, "config", "user.signingkey", f"{key}.pub")
        tag = registration(NAME, V1, head(repo), record("signed"))
        create_tag(repo, tag, date_for(repo, [tag]))
        assert "BEGIN SSH SIGNATURE" in git(repo, "cat-file", "tag", tag.name)
        assert made(repo, [tag]) == [tag.name]
        assert Registry(repo, ARTIFACTS).release(NAME, V1).record.bundle_id == "signed"


def test_hooks_of_git_are_respected(repo):
    """One that refuses the reference is a line, and no tag is there."""
    hook = repo / ".git/hooks/reference-transaction"
    hook.parent.mkdir()
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho not on my watch >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(ArtifactError, match="git tag --annotate: "):
        register(repo, NAME, V1, record())
    hook.unlink()
    assert git(repo, "tag") == ""


def test_without_a_name_of_ones_own_the_line_says_what_to_do(repo, monkeypatch):
    """Before any gate is judged."""
    for key in ("user.name", "user.email"):
        git(repo, "config", "--unset", key)
    for name in [name for name in os.environ if name.startswith(("GIT_", "EMAIL"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(repo))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    git(repo, "config", "user.useConfigOnly", "true")
    with pytest.raises(ArtifactError, match="git config user.name NAME && git config user.email ADDRESS"):
        require_identity(repo)


def test_an_assignment_is_dated_after_the_last(repo):
    """Of one second they could not be told apart by their dates, as GTO tells them; nor by a slow clock."""
    register(repo, NAME, V1, record())
    raw_tag(repo, f"{NAME}#shadow#1", as_json(version="v1.0.0").encode())  # of the year 2030
    assign(repo, NAME, V1, "x")
    assign(repo, NAME, V1, "y")
    dates = [entry.time for entry in Registry(repo, ARTIFACTS).history[NAME]]
    assert dates == ["2030-03-17T17:46:41+00:00", "2030-03-17T17:46:42+00:00"]
