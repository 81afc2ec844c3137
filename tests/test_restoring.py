"""What a failed stage advises works in the clone it is said in."""

import subprocess

import pytest

from tapeline.restoring import NOTHING, RESTORE, UNCOMMITTED, restore_hint

LOCK = """schema: '2.0'
stages:
  ingest:
    outs:
    - {path: data/candles, md5: 0123456789abcdef0123456789abcdef.dir}
    - {path: metrics/data.json, md5: ffffffffffffffffffffffffffffffff}
"""


@pytest.fixture
def clone(tmp_path):
    """A project in git and DVC whose lock records a run, with the run's metrics and without its data."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    analytics = false\n")
    (tmp_path / "dvc.lock").write_text(LOCK)
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/data.json").write_text("{}")
    subprocess.run("git init -q && git add .", shell=True, cwd=tmp_path, check=True)
    return tmp_path


def test_where_the_cache_holds_the_outputs_dvc_checks_them_out(clone):
    """Metrics are in git and never in the cache."""
    out = clone / ".dvc/cache/files/md5/01/23456789abcdef0123456789abcdef.dir"
    out.parent.mkdir(parents=True)
    out.write_text("[]")
    assert restore_hint(clone) == RESTORE


def test_in_a_fresh_clone_there_is_nothing_to_check_out(clone):
    """The figures come from git; the data only from a remote, where one is set."""
    assert (
        restore_hint(clone) == "`git checkout metrics` brings back what this clone can have of earlier runs"
    )
    (clone / ".dvc/config").write_text("['remote \"storage\"']\n    url = ../storage\n")
    assert restore_hint(clone).startswith("`git checkout metrics && dvc pull` brings back")


def test_metrics_of_the_commit_are_not_set_beside_another_runs_lock(clone):
    """DVC would take them for changed outputs, and make again what stages before have just made."""
    commit = "git -c user.name=a -c user.email=a@b commit -qm run"
    subprocess.run(commit, shell=True, cwd=clone, check=True)
    before = restore_hint(clone)
    (clone / "dvc.lock").write_text(LOCK.replace("0123", "4567"))
    assert "git checkout metrics" in before
    assert restore_hint(clone) == UNCOMMITTED
    subprocess.run("git checkout -q dvc.lock metrics", shell=True, cwd=clone, check=True)
    assert restore_hint(clone) == before


def test_where_no_run_was_committed_nothing_is_advised(clone):
    """`git checkout metrics` would fail there."""
    subprocess.run("git rm -q --cached -r metrics", shell=True, cwd=clone, check=True)
    assert restore_hint(clone) == NOTHING
