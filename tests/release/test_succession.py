"""Which version follows: by what changed against the champion, contracts compared in today's words."""

import json
from types import SimpleNamespace

import pytest

from tapeline.errors import ArtifactError
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.promotion.versions import Version
from tapeline.release import succession
from tapeline.release.succession import comparable, decide_version

NAME = "lstm-direction"
PRINTS = {"contract": "c1", "params": "p1", "code": "k1", "data": "d1", "seed": "s1"}


@pytest.fixture
def repo(tmp_path):
    """A repository with a commit."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    git(tmp_path, "commit", "-q", "-m", "run", "--allow-empty")
    return tmp_path


@pytest.fixture
def derived(monkeypatch):
    """Fingerprints of the contracts in the bundles, by version; of others the bundle can't be had."""
    contracts = {}

    def contract_of(artifact, release):
        if str(release.version) not in contracts:
            raise ArtifactError("nowhere")
        return SimpleNamespace(fingerprint=contracts[str(release.version)])

    monkeypatch.setattr(succession, "contract_of", contract_of)
    return contracts


def registry(folder, production=None, **prints):
    """Versions with their recorded fingerprints, `v1_0_0` for v1.0.0, and the one in production."""
    for name, changes in prints.items():
        record = {"why": "", "bundle_id": "b", "gates": [], "metrics": {}, "lock_sha256": ""}
        message = json.dumps(record | {"fingerprints": PRINTS | changes})
        git(folder, "tag", "-a", "-m", message, f"{NAME}@{name.replace('_', '.')}")
    if production:
        git(folder, "tag", "-a", "-m", json.dumps({"version": production}), f"{NAME}#prod#1")
    return Registry(folder, [NAME])


def test_the_first_of_its_name_is_v1(repo, derived):
    """There is nothing to compare with."""
    assert decide_version(NAME, PRINTS, registry(repo)) == (Version(1, 0, 0), "the first in production")


@pytest.mark.parametrize(
    ("changes", "version", "why"),
    [
        ({}, Version(1, 0, 1), "built again from the same"),
        ({"seed": "s2"}, Version(1, 0, 1), "patch: seed changed"),
        ({"data": "d2", "code": "k2"}, Version(1, 1, 0), "minor: code, data changed"),
    ],
)
def test_what_changed_decides_the_level(repo, derived, changes, version, why):
    """The heaviest; a contract that is as recorded is not looked for in the bundle."""
    assert decide_version(NAME, PRINTS | changes, registry(repo, "v1.0.0", v1_0_0={})) == (version, why)


def test_a_recorded_contract_that_differs_is_computed_anew(repo, derived):
    """The same in today's words: no change. Another in today's words, too: a major version."""
    made = registry(repo, "v1.0.0", v1_0_0={"contract": "with prose"})
    derived["v1.0.0"] = "c1"
    assert decide_version(NAME, PRINTS | {"seed": "s2"}, made) == (Version(1, 0, 1), "patch: seed changed")
    derived["v1.0.0"] = "c0"
    assert decide_version(NAME, PRINTS, made) == (Version(2, 0, 0), "major: contract changed")


def test_a_bundle_that_is_nowhere_counts_as_recorded_and_that_is_said(repo, derived):
    """With the version and the reason."""
    made = registry(repo, "v1.0.0", v1_0_0={"contract": "with prose"})
    assert decide_version(NAME, PRINTS, made) == (
        Version(2, 0, 0),
        "major: contract changed; the contract of v1.0.0 counts as its tag records it: nowhere",
    )


def test_after_a_rollback_champion_and_highest_are_compared(repo, derived):
    """v1.0.0 is back in production: the next is above v2.0.0, whose contract is computed anew as well."""
    made = registry(
        repo, "v1.0.0", v1_0_0={"contract": "old"}, v1_5_0={"contract": "skipped"}, v2_0_0={"contract": "new"}
    )
    derived |= {"v1.0.0": "c1", "v2.0.0": "c1"}
    version, why = decide_version(NAME, PRINTS | {"data": "d2"}, made)
    assert version == Version(2, 0, 1)
    assert why == "patch: data changed"
    del derived["v2.0.0"]
    version, why = decide_version(NAME, PRINTS | {"data": "d2"}, made)
    assert version == Version(3, 0, 0)
    assert why.endswith("the contract of v2.0.0 counts as its tag records it: nowhere")
    assert "v1.5.0" not in why


def test_the_reason_speaks_of_the_champion_where_that_decides(repo, derived):
    """And not of what the highest version, which is out of production, has else."""
    made = registry(repo, "v1.0.0", v1_0_0={}, v2_0_0={"data": "d0"})
    assert decide_version(NAME, PRINTS | {"seed": "s2"}, made) == (Version(2, 0, 1), "patch: seed changed")


def test_registered_but_never_in_production_a_version_is_followed_from_above(repo, derived):
    """A major one: nothing that works is replaced."""
    version, why = decide_version(NAME, PRINTS, registry(repo, v1_2_3={}))
    assert (version, why) == (Version(2, 0, 0), "the first in production")


def test_only_the_contract_is_computed_anew(repo, derived):
    """Every other fingerprint is as recorded, and what is recorded is not changed."""
    made = registry(repo, v1_0_0={"contract": "old", "code": "k0"})
    (release,) = made.releases[NAME]
    derived["v1.0.0"] = "c1"
    assert comparable(NAME, release, PRINTS) == PRINTS | {"code": "k0"}
    assert release.record.fingerprints["contract"] == "old"
