"""A kill of DVC may leave its rwlock empty; it is removed with a word, and a whole one is left alone."""

import subprocess
import sys

import pytest
from dvc.repo import Repo

from tapeline.checks.dvc_lock import RWLOCK, mend_rwlock
from tapeline.promotion.repository import git


@pytest.fixture
def project(tmp_path):
    """A repository of DVC."""
    git(tmp_path, "init", "-q")
    Repo.init(str(tmp_path)).close()
    (tmp_path / RWLOCK).parent.mkdir(exist_ok=True)
    return tmp_path


def dvc_works(folder):
    """Whether DVC can lock a file."""
    (folder / "file").write_text("x")
    command = [sys.executable, "-m", "dvc", "add", "file"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("content", ["", '{"read": {'])
def test_what_was_cut_off_is_removed_and_dvc_works_again(project, content):
    """Said in one line."""
    (project / RWLOCK).write_text(content)
    assert not dvc_works(project)
    told = []
    mend_rwlock(project, told.append)
    assert told == [".dvc/tmp/rwlock: was cut off when DVC was killed, and blocked it; removed"]
    assert dvc_works(project)


@pytest.mark.parametrize("content", [None, "{}", '{"read": {}, "write": {"a": {"pid": 1, "cmd": "x"}}}'])
def test_a_whole_one_is_left_alone(project, content):
    """Also where there is none."""
    if content is not None:
        (project / RWLOCK).write_text(content)
    mend_rwlock(project, pytest.fail)
    assert (project / RWLOCK).exists() == (content is not None)
