"""A proof counts for the very run and code it was made of; what it says, and what it says it costs."""

import json
import subprocess
import sys

import pytest

from commands.prove import main
from tapeline.errors import ParamsError, ProofError
from tapeline.promotion.proofs import ProofRecord, ProvedPart
from tapeline.promotion.release_record import ReleaseRecord
from tapeline.release.proof import identity, lines, logged_seconds, proof_path, require_proof
from tapeline.release.proof_copies import sources_hash

PARTS = (
    ProvedPart(name="many moments", moment=None, trials=2040, values=12_345_678),
    ProvedPart(name="test start", moment="2024-04-24T00:00Z", trials=1, values=1_000),
)
PACKED = {"fingerprints": {"code": "c"}, "span": {"train": ["a", "b"]}, "refit": False}


@pytest.fixture
def project(tmp_path):
    """A git project with sources, params and the record of a run that packed one bundle; no candles."""
    for name, text in {
        "tapeline/a.py": "A = 1\n",
        "stages/b.py": "B = 1\n",
        "params.yaml": "proof:\n  moments: 2000\n",
        "dvc.lock": "schema: '2.0'\nstages: {}\n",
        "metrics/detail/promotion.json": json.dumps(
            {"bundles": {"lstm-direction": PACKED | {"bundle_id": "b1"}}, "gates": []}
        ),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    for command in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    return tmp_path


def record(project, **changes):
    """A proof of the run in `project`, written where it belongs."""
    values = {
        "seed": 7, "asked": 2000, "moments": 2041, "values": 12_346_678, "parts": PARTS,
        "proved_on": "fold_2", **identity(project),
    } | changes  # fmt: skip
    made = ProofRecord(**values)
    path = proof_path(project)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(made.plain()))
    return made


def test_a_proof_of_the_very_run_and_code_counts(project):
    """It is said that it was made before."""
    made, told = record(project), []
    assert require_proof(project, told.append) == made
    assert told == ["proved before: 2041 moments, 12,346,678 values equal, seed 7"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tapeline/a.py", "A = 2\n"),
        ("dvc.lock", "schema: '2.0'\nstages: {a: {}}\n"),
        ("params.yaml", "proof:\n  moments: 2001\n"),
    ],
)
def test_a_proof_of_other_code_another_run_or_fewer_moments_does_not(project, name, text):
    """It is made anew, which fails at once here, where there are no candles."""
    record(project)
    (project / name).write_text(text)
    with pytest.raises(ParamsError, match="data"):
        require_proof(project, lambda told: None)


def test_a_record_of_another_bundle_does_not(project):
    """Whatever name its file has."""
    record(project, bundles={"lstm-direction": "b2"})
    with pytest.raises(ParamsError, match="data"):
        require_proof(project, lambda told: None)


def test_a_broken_record_is_none(project):
    """As if there were none, a proof is made."""
    record(project)
    proof_path(project).write_text("{")
    with pytest.raises(ParamsError, match="data.interval"):  # the first that a proof asks for
        require_proof(project, lambda told: None)


def test_an_untracked_source_is_none(project):
    """What runs in the copies is what git tracks, as it lies there."""
    before = identity(project)
    (project / "tapeline/new.py").write_text("N = 1\n")
    assert identity(project) == before


def test_without_git_there_is_nothing_to_copy(tmp_path):
    """One line says what is missing."""
    with pytest.raises(ProofError, match="git tracks none of tapeline, stages"):
        sources_hash(tmp_path)


def test_a_table_says_what_was_compared(project):
    """A line a part, all together, and what is not shown."""
    made = record(project, note="refitted")
    assert lines(made) == [
        "candles replaced from          moments  values equal",
        "many moments                     2,040    12,345,678",
        "test start, 2024-04-24T00:00Z        1         1,000",
        "all                              2,041    12,346,678",
        "refitted",
    ]


def test_a_release_without_a_proof_is_read(project):
    """Tags from before there were proofs; and one with a proof comes back the same."""
    former = {
        "why": "first",
        "bundle_id": "b",
        "fingerprints": {},
        "gates": [],
        "metrics": {},
        "lock_sha256": "s",
    }
    assert ReleaseRecord.read(json.dumps(former), "tag").proof is None
    made = record(project)
    assert ReleaseRecord.read(json.dumps(former | {"proof": made.plain()}), "tag").proof == made


def test_cost_goes_by_what_the_logs_say(tmp_path):
    """Seconds of a stage's last run, none where there is no whole log."""
    assert logged_seconds(tmp_path, "ingest") is None
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/ingest.log").write_text("2026-01-01 00:00:00,000 INFO done in 12.5 s\n")
    (tmp_path / "logs/features.log").write_text("2026-01-01 00:00:00,000 INFO begun\n")
    assert logged_seconds(tmp_path, "ingest") == 12.5
    assert logged_seconds(tmp_path, "features") is None


@pytest.mark.parametrize("seed", ["x", "-1", "4294967296", "1.5", "٣"])
def test_a_seed_is_a_whole_number(seed, monkeypatch):
    """What, the value, what is allowed."""
    monkeypatch.setattr(sys, "argv", ["prove", seed])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == f"SEED is {seed!r}: must be a whole number from 0 to 4294967295"
