"""Tags and bundles made by the code of commit 2b5197e: listed, verified, restored, rolled back, followed."""

import json
import shutil

import numpy as np
import pytest

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.bundle import CONTRACT
from tapeline.promotion.contract import Contract
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.promotion.versions import Version
from tapeline.release.differences import compare_manifest
from tapeline.release.restore import restore
from tapeline.release.rollback import rollback
from tapeline.release.succession import decide_version
from tapeline.release.tag_check import check_release
from tapeline.reports.versions_table import versions_table
from tapeline.serving.predictor import Predictor
from tests.release.former import FIXTURES, LSTM, TRANSFORMER, two_runs


@pytest.fixture(scope="module")
def promoted(tmp_path_factory):
    """Two runs, the first with v1.0.0 of both, the second, whole, with v1.1.0 of the LSTM."""
    return two_runs(tmp_path_factory.mktemp("former"))


@pytest.fixture
def repo(promoted, tmp_path, monkeypatch):
    """A copy of it, the working directory."""
    folder = shutil.copytree(promoted, tmp_path / "repo", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def bundle_id(tag):
    """As the tag's message has it."""
    return json.loads((FIXTURES / f"tags/{tag}.json").read_text())["bundle_id"]


def test_they_are_listed_with_all_that_their_tags_say(repo):
    """None is left alone; the index holds each record as it is."""
    registry = Registry(repo, ARTIFACTS)
    assert registry.ignored == {}
    table = versions_table(registry)
    assert table[["model", "version", "production", "assigned"]].to_numpy().tolist() == [
        [LSTM, "v1.0.0", "", "1"], [LSTM, "v1.1.0", "yes", "2"], [TRANSFORMER, "v1.0.0", "yes", "1"],
    ]  # fmt: skip
    assert set(table["market"]) == {"simulated"}
    for name, found in registry.index().items():
        for version in found["versions"]:
            said = json.loads((FIXTURES / f"tags/{name}@{version['version']}.json").read_text())
            assert {key: version[key] for key in said} == said


def test_they_are_held_against_the_run_at_their_commit(repo):
    """Its lock, bundles and gates; what somebody changed is found."""
    assert check_release(f"{LSTM}@v1.1.0").record.version == "v1.1.0"
    said = json.loads((FIXTURES / f"tags/{LSTM}@v1.1.0.json").read_text())
    said["gates"][0]["reason"] = "because"
    git(repo, "tag", "-a", "-m", json.dumps(said), f"{LSTM}@v7.0.0")
    with pytest.raises(ArtifactError, match="its gates are not those of the run"):
        check_release(f"{LSTM}@v7.0.0")


def test_they_are_restored_and_rolled_back_byte_for_byte(repo):
    """Into production, and back and forth."""
    assert restore(print) == {LSTM: "v1.1.0, brought back", TRANSFORMER: "v1.0.0, brought back"}
    for tag in (f"{LSTM}@v1.1.0", f"{TRANSFORMER}@v1.0.0"):
        production = repo / "models/promoted" / tag.split("@")[0]
        assert verify_bundle(production).bundle_id == bundle_id(tag)
        for path in (FIXTURES / "bundles" / tag).iterdir():
            assert (production / path.name).read_bytes() == path.read_bytes()
    assert rollback(LSTM, "", "it lost money", print).version == Version(1, 0, 0)
    assert verify_bundle(repo / "models/promoted" / LSTM).bundle_id == bundle_id(f"{LSTM}@v1.0.0")
    assert restore(print)[LSTM] == "v1.0.0, as it was"


@pytest.mark.parametrize("tag", [f"{LSTM}@v1.0.0", f"{LSTM}@v1.1.0", f"{TRANSFORMER}@v1.0.0"])
def test_they_verify_and_open(tag):
    """Every hash of the manifest, and its id; the graph gives numbers of its range."""
    folder = FIXTURES / "bundles" / tag
    assert list(compare_manifest(folder / "manifest.json")) == []
    predictor = Predictor(folder)
    assert predictor.bundle.contract.artifact == tag.split("@")[0]
    low, high = predictor.bundle.contract.output.low, predictor.bundle.contract.output.high
    rows = [[0.0] * len(predictor.features)] * (predictor.sequence_length + 3)
    found = predictor.predict(np.array(rows))
    assert len(found) == 4
    assert ((found >= low) & (found <= high)).all()


def candidate(**changes):
    """Fingerprints of the same pipeline today, but for `changes`."""
    recorded = json.loads((FIXTURES / f"tags/{LSTM}@v1.1.0.json").read_text())["fingerprints"]
    contract = Contract.read_file(FIXTURES / "bundles" / f"{LSTM}@v1.1.0" / CONTRACT)
    assert contract.fingerprint != recorded["contract"]  # which was hashed with its prose
    return recorded | {"contract": contract.fingerprint} | changes


@pytest.mark.parametrize("is_restored", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_they_are_followed_by_what_has_changed_and_not_by_their_prose(repo, is_restored):
    """The contract is derived anew from the bundle in production, or from DVC's cache."""
    if is_restored:
        restore(print)
        shutil.rmtree(repo / ".dvc/cache")
    registry = Registry(repo, ARTIFACTS)
    assert decide_version(LSTM, candidate(data="x"), registry) == (Version(1, 1, 1), "patch: data changed")
    of_code = decide_version(LSTM, candidate(code="x"), registry)
    assert of_code == (Version(1, 2, 0), "minor: code changed")
    of_contract = decide_version(LSTM, candidate(contract="x"), registry)
    assert of_contract == (Version(2, 0, 0), "major: contract changed")


def test_a_former_contract_that_is_nowhere_counts_as_recorded_and_that_is_said(repo):
    """Neither in production nor in the cache: major, and the reason names the version."""
    shutil.rmtree(repo / ".dvc/cache")
    version, why = decide_version(LSTM, candidate(), Registry(repo, ARTIFACTS))
    assert version == Version(2, 0, 0)
    assert why.startswith("major: contract changed; the contract of v1.1.0 counts as its tag records it: ")
    assert "not in DVC's cache" in why
    recorded = json.loads((FIXTURES / f"tags/{LSTM}@v1.1.0.json").read_text())["fingerprints"]
    same = decide_version(LSTM, recorded | {"seed": "x"}, Registry(repo, ARTIFACTS))
    assert same == (Version(1, 1, 1), "patch: seed changed")  # nothing to derive
