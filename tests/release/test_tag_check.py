"""A release's tag against the run at its commit: the first difference is named, whatever lies there now."""

import hashlib
import json

import pytest

from tapeline.errors import ArtifactError
from tapeline.params import Params
from tapeline.promotion.gates import Verdict
from tapeline.promotion.release_record import Recheck, Replay
from tapeline.promotion.repository import git
from tapeline.release import tag_check
from tapeline.release.recheck import Checked
from tapeline.release.tag_check import check_again, check_release, pipeline_verdicts

LOCK = "stages: {}\n"
PARAMS = """\
ftmo: {program: none}
gates:
  lstm-direction: {lstm.accuracy_all: {min: 0.5}, release.deflated_sharpe: {min: 0.9}}
  transformer-trend: {transformer.mae: {max: 0.25}}
"""
METRICS = {
    "lstm": {"accuracy_all": 0.625},
    "transformer": {"mae": 0.125},
    "backtest": {},
    "ftmo": {},
    "promotion": {},
}


def verdict(gate, status, value, limit, reason, artifact="lstm-direction"):
    """As a gate's verdict stands in a record, its margin left out."""
    return {
        "artifact": artifact, "gate": gate, "value": value, "limit": limit, "margin": None,
        "status": status, "reason": reason,
    }  # fmt: skip


ACCURACY = verdict("lstm.accuracy_all", "passed", 0.625, ">= 0.5", "0.625 is >= 0.5")
MAE = verdict("transformer.mae", "passed", 0.125, "<= 0.25", "0.125 is <= 0.25", "transformer-trend")
DEFLATED = verdict("release.deflated_sharpe", "passed", 0.95, ">= 0.9", "0.95 is >= 0.9")
PACKED = {"bundle_id": "b1", "fingerprints": {"code": "c"}, "span": {}, "refit": False}
RUN = {"bundles": {"lstm-direction": PACKED}, "gates": [ACCURACY, MAE]}
RECORD = {
    "why": "it is better", "bundle_id": "b1", "fingerprints": {"code": "c"}, "gates": [ACCURACY, DEFLATED],
    "metrics": {"lstm": {"accuracy_all": 0.625}}, "lock_sha256": hashlib.sha256(LOCK.encode()).hexdigest(),
}  # fmt: skip


@pytest.fixture
def repo(tmp_path, monkeypatch):
    """A repository with one committed run, the working directory."""
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.name", "t")
    git(tmp_path, "config", "user.email", "t@example.org")
    (tmp_path / "metrics/detail").mkdir(parents=True)
    (tmp_path / "metrics/detail/promotion.json").write_text(json.dumps(RUN))
    for name, values in METRICS.items():
        (tmp_path / f"metrics/{name}.json").write_text(json.dumps(values))
    (tmp_path / "params.yaml").write_text(PARAMS)
    (tmp_path / "dvc.lock").write_text(LOCK)
    commit(tmp_path)
    return tmp_path


def commit(folder):
    """Commit all that lies there."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "run")


def tag(folder, name="lstm-direction@v1.0.0", **changes):
    """Tag HEAD as a release with that record; return the tag."""
    git(folder, "tag", "-a", "-m", json.dumps(RECORD | changes), name)
    return name


def refusal(name):
    """The one line that the check of a tag ends in."""
    with pytest.raises(ArtifactError) as caught:
        check_release(name)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_tag_of_its_run_is_a_release(repo):
    """Whatever the working tree and later commits hold; gates of the release alone are none of the run's."""
    name = tag(repo)
    (repo / "dvc.lock").write_text("stages: {other: {}}\n")
    (repo / "metrics/detail/promotion.json").unlink()
    commit(repo)
    release = check_release(name)
    assert (release.tag, str(release.version), release.record.why) == (name, "v1.0.0", "it is better")
    assert release.commit == git(repo, "rev-parse", "HEAD~1").strip()


def test_each_tag_is_held_against_its_own_commit(repo):
    """A lock that has changed since makes the later tag wrong and leaves the earlier right."""
    first = tag(repo)
    (repo / "dvc.lock").write_text("stages: {other: {}}\n")
    commit(repo)
    second = tag(repo, "lstm-direction@v1.1.0")
    assert check_release(first).tag == first
    assert refusal(second) == f"{second}: dvc.lock is another than that of the release"


def test_another_bundle_than_the_run_packed_is_refused(repo):
    """Both ids are named."""
    name = tag(repo, bundle_id="b2")
    assert refusal(name) == f"{name}: bundle_id is b2, and the run packed b1"


def test_a_model_that_the_run_did_not_pack_is_refused(repo):
    """The other model's tag at a commit whose run packed one alone."""
    name = tag(repo, "transformer-trend@v1.0.0", gates=[MAE])
    assert refusal(name) == f"{name}: the run at its commit packed no transformer-trend"


def test_a_release_that_failed_a_gate_is_refused(repo):
    """Each failed gate is named, also one that the release alone has."""
    failed = [ACCURACY | {"status": "failed"}, DEFLATED | {"status": "failed"}]
    name = tag(repo, gates=failed)
    assert refusal(name) == f"{name}: did not pass lstm.accuracy_all, release.deflated_sharpe"


@pytest.mark.parametrize(
    "gates", [[], [DEFLATED], [ACCURACY | {"value": 0.75}], [ACCURACY, ACCURACY], [ACCURACY, MAE]]
)
def test_gates_that_are_not_those_of_the_run_are_refused(repo, gates):
    """None, another value, one twice, another model's."""
    name = tag(repo, gates=gates)
    assert refusal(name) == f"{name}: its gates are not those of the run"


def test_a_name_that_is_no_release_is_refused_with_those_that_are(repo):
    """None at first; an assignment to production is none."""
    assert refusal("lstm-direction@v9.9.9") == "tag 'lstm-direction@v9.9.9': is no release; there are: none"
    name = tag(repo)
    git(repo, "tag", "-a", "-m", '{"version": "v1.0.0"}', "lstm-direction#prod#1")
    for wrong in ("", "v1.0.0", "lstm-direction#prod#1"):
        assert refusal(wrong) == f"tag {wrong!r}: is no release; there are: {name}"


def test_a_tag_that_somebody_made_by_hand_is_refused_with_the_reason(repo):
    """Its message is no record."""
    git(repo, "tag", "-a", "-m", "my best one", "lstm-direction@v1.0.0")
    message = refusal("lstm-direction@v1.0.0")
    assert message.startswith("tag lstm-direction@v1.0.0: its message is no record of a release: ")


@pytest.mark.parametrize(
    "name", ["metrics/detail/promotion.json", "dvc.lock", "params.yaml", "metrics/lstm.json"]
)
def test_a_commit_without_a_file_of_the_run_is_refused_with_its_name(repo, name):
    """Though it lies in the working tree."""
    content = (repo / name).read_text()
    git(repo, "rm", "-q", name)
    commit(repo)
    (repo / name).parent.mkdir(parents=True, exist_ok=True)
    (repo / name).write_text(content)
    message = refusal(tag(repo))
    assert message.startswith("git show ")
    assert name in message


@pytest.mark.parametrize("name", ["metrics/detail/promotion.json", "metrics/lstm.json"])
def test_a_commit_with_a_broken_file_of_the_run_is_refused_with_its_name(repo, name):
    """Half of its JSON."""
    (repo / name).write_text('{"accuracy_all": ')
    commit(repo)
    assert refusal(tag(repo)).startswith(f"{name}: can't be read: ")


def test_verdicts_of_the_pipeline_are_all_but_those_of_the_release():
    """In their order; a file that only begins so is the pipeline's."""
    names = ["release.deflated_sharpe", "lstm.ece", "released.x", "lstm.release"]
    verdicts = [Verdict(**verdict(name, "passed", 1.0, ">= 0", "")) for name in names]
    assert [v.gate for v in pipeline_verdicts(verdicts)] == ["lstm.ece", "released.x", "lstm.release"]
    assert pipeline_verdicts([]) == []


FORMER = {"recheck": {"files": 60, "rounded": 0, "content": "c"}}


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ({}, None),
        (FORMER, None),
        ({"recheck": FORMER["recheck"] | {"predictions": 24, "of": 30, "largest_difference": 0.1}}, None),
        ({"recheck": FORMER["recheck"] | {"predictions": 23, "of": 30}}, "recheck.predictions is 23, and"),
        ({"recheck": FORMER["recheck"] | {"files": 59}}, "recheck.files is 59, and done again 60"),
        (
            {
                "replay": {
                    "part": "test", "candles": 9, "of": 9, "largest_difference": 0.5, "borderline": 0,
                    "trades": 1, "late": 8,
                }
            },
            "replay.late is 8, and done again 7",
        ),
    ],
)  # fmt: skip
def test_what_a_release_says_of_its_check_must_come_out_again(repo, monkeypatch, recorded, told):
    """What a former release did not say is not asked; what hangs on the machine may differ."""
    recheck = Recheck(files=60, rounded=1, content="c", predictions=24, of=30, largest_difference=1e-7)
    replay = Replay(
        part="test", candles=9, of=9, largest_difference=1e-7, borderline=0, trades=1, together=9, late=7
    )
    checked = Checked(recheck=recheck, replay=replay)
    monkeypatch.setattr(tag_check, "check_anew", lambda *of: checked)
    monkeypatch.setattr(tag_check, "content_hash", lambda root: "c")
    monkeypatch.setattr(Params, "read", lambda: None)
    release = check_release(tag(repo, **recorded))
    if told is None:
        check_again(release, print)
        return
    with pytest.raises(ArtifactError, match=f"lstm-direction@v1.0.0: {told}"):
        check_again(release, print)
