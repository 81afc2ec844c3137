"""A bundle as it was at a commit: from the cache, else from the remote, else one line that says where not."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from dvc.repo import Repo

from tapeline.errors import ArtifactError
from tapeline.promotion.bundle import pack
from tapeline.promotion.registry import Release
from tapeline.promotion.release_record import ReleaseRecord
from tapeline.promotion.repository import git
from tapeline.promotion.versions import Version
from tapeline.release.fetch import fetched, remotes

NAME = "lstm-direction"
FILES = {"model.onnx": b"graph", "model.json": b"{}"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A repository with a bundle at one commit and another at the next; and the release of the first."""
    folder = tmp_path_factory.mktemp("made")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "t")
    git(folder, "config", "user.email", "t@example.org")
    Repo.init(str(folder)).close()
    git(folder, "commit", "-q", "-m", "empty", "--allow-empty")
    bundle_id = pack(folder / "models/candidate" / NAME, FILES, {})
    track(folder)
    commit = git(folder, "rev-parse", "HEAD").strip()
    shutil.rmtree(folder / "models")
    pack(folder / "models/candidate" / NAME, {"model.onnx": b"another"}, {})
    track(folder)
    shutil.rmtree(folder / "models")
    record = ReleaseRecord.model_construct(bundle_id=bundle_id)
    return folder, Release(Version(1, 0, 0), f"{NAME}@v1.0.0", commit, "", "", record)


def track(folder):
    """Put the candidates into DVC's cache, and commit."""
    with Repo(str(folder)) as repo:
        repo.add(str(folder / "models/candidate"))
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "run")


@pytest.fixture
def repo(made, tmp_path):
    """A copy of the repository."""
    return shutil.copytree(made[0], tmp_path / "repo", symlinks=True)


@pytest.fixture
def release(made):
    """The release of the first commit."""
    return made[1]


def use_remote(folder, url):
    """Name a folder as the default remote, in the configuration that commits from now on hold."""
    (folder / ".dvc/config").write_text(
        f"[core]\n    remote = there\n['remote \"there\"']\n    url = {url}\n"
    )


def cached(folder, content):
    """Path of a file's content in DVC's cache."""
    (path,) = (
        path
        for path in (folder / ".dvc/cache/files").rglob("*")
        if path.is_file() and path.read_bytes() == content
    )
    return path


def type_in(folder, command):
    """Run a line of a shell in `folder`, with DVC at hand."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    subprocess.run(command, shell=True, cwd=folder, check=True, env=os.environ | {"PATH": path})


def refusal(folder, release):
    """The one line that fetching ends in; nothing is left behind."""
    with pytest.raises(ArtifactError) as caught:
        with fetched(folder, NAME, release):
            pytest.fail("was fetched")
    assert "\n" not in str(caught.value)
    assert not list((folder / ".dvc/tmp").rglob(NAME))
    return str(caught.value)


def test_the_bundle_of_the_commit_is_there_until_the_block_ends(repo, release):
    """Byte for byte, though a later commit holds another and the working tree none."""
    with fetched(repo, NAME, release) as folder:
        assert folder.is_relative_to(repo)
        found = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != "manifest.json"}
    assert found == FILES
    assert not folder.exists()


def test_an_error_of_the_block_is_its_own_and_the_bundle_goes_all_the_same(repo, release):
    """It is not taken for one of fetching."""
    with pytest.raises(ZeroDivisionError):
        with fetched(repo, NAME, release) as folder:
            raise ZeroDivisionError
    assert not folder.exists()


def test_what_the_cache_lacks_comes_from_the_remote_of_today(repo, release, tmp_path):
    """It was named after the commit was made."""
    shutil.move(repo / ".dvc/cache", tmp_path / "there")
    use_remote(repo, tmp_path / "there")
    with fetched(repo, NAME, release) as folder:
        assert (folder / "model.onnx").read_bytes() == b"graph"


def test_what_neither_cache_nor_remote_has_is_refused_and_both_are_named(repo, release, tmp_path):
    """With what to do about it."""
    cached(repo, b"graph").unlink()
    message = refusal(repo, release)
    assert message.startswith(f"{NAME} v1.0.0: its files are not in DVC's cache, and there is no remote: ")
    add = "dvc remote add --local --force --default storage URL"
    push = "dvc push --all-tags models/candidate"
    assert message.endswith(
        f"; ask whoever tagged it to run `{add} && {push}` in the clone that has them, "
        f"then here `{add} && make restore`"
    )
    use_remote(repo, tmp_path / "empty")
    message = refusal(repo, release)
    where = f"nor to be had from remote there ({tmp_path}/empty): "
    assert message.startswith(f"{NAME} v1.0.0: its files are not in DVC's cache, {where}")
    add = f"dvc remote add --local --force --default there {tmp_path}/empty"
    assert message.endswith(f"; ask whoever tagged it to run `{add} && {push}` in the clone that has them")


@pytest.mark.slow
def test_the_push_that_is_asked_for_brings_the_bundle(repo, release, tmp_path):
    """Typed as it stands by the one who is named, in the clone that has the files; the remote is late."""
    git(repo, "tag", "-a", "-m", "x", release.tag, release.commit)
    git(tmp_path, "clone", "-q", str(repo), "clone")
    clone = tmp_path / "clone"
    use_remote(clone, tmp_path / "there")
    message = refusal(clone, release)
    asked = re.search(r"ask t, who tagged it, to run `(.*)` in the clone that has them$", message)
    type_in(repo, asked[1])
    with fetched(clone, NAME, release) as folder:
        assert (folder / "model.onnx").read_bytes() == b"graph"


def test_a_cached_file_that_was_changed_is_not_handed_on(repo, release):
    """Of the same size, too."""
    path = cached(repo, b"graph")
    path.chmod(0o644)
    path.write_bytes(b"grapf")
    assert refusal(repo, release)


def test_another_bundle_than_the_tag_says_is_refused(repo, release):
    """Both the tag and the bundle that is there are named."""
    bundle_id = release.record.bundle_id
    other = replace(release, record=ReleaseRecord.model_construct(bundle_id="f" * 16))
    assert refusal(repo, other) == f"{NAME}@v1.0.0: holds bundle {bundle_id}, and its tag says another"


@pytest.mark.parametrize("commit", ["HEAD~2", "0" * 40])
def test_a_commit_without_the_bundle_and_one_that_is_not_there_are_refused(repo, release, commit):
    """By the release's name."""
    assert refusal(repo, replace(release, commit=commit)).startswith(f"{NAME} v1.0.0: ")


def test_the_remote_is_the_default_one_alone(repo, tmp_path):
    """None without a default, also where some other is named."""
    assert remotes(repo) is None
    (repo / ".dvc/config").write_text(f"['remote \"other\"']\n    url = {tmp_path}\n")
    assert remotes(repo) is None
    use_remote(repo, tmp_path / "there")
    found = remotes(repo)
    assert found["core"]["remote"] == "there"
    assert found["remote"]["there"]["url"] == str(tmp_path / "there")
