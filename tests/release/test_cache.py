"""DVC's cache, whatever state it is in: links, damaged files, lost files, leftovers; and what git hides."""

import os
import shutil

import pytest

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.change import Delivery, carry_out
from tapeline.promotion.manifest import verify_bundle
from tapeline.promotion.production import PROMOTED
from tapeline.promotion.registry import Registry
from tapeline.promotion.release_record import RunRecord
from tapeline.promotion.repository import git
from tapeline.promotion.versions import Version
from tapeline.release import promoting
from tapeline.release.fetch import TEMPORARY, fetched
from tapeline.release.restore import restore
from tests.release.former import LSTM, TRANSFORMER, two_runs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs and their releases."""
    return two_runs(tmp_path_factory.mktemp("made"))


@pytest.fixture
def repo(made, tmp_path, monkeypatch):
    """A copy of them, the working directory."""
    folder = shutil.copytree(made, tmp_path / "repo", symlinks=True)
    monkeypatch.chdir(folder)
    return folder


def production(repo):
    """The LSTM's release in production."""
    return Registry(repo, ARTIFACTS).production(LSTM)


def add_remote(repo, tmp_path):
    """A folder as the default remote, with all that the cache holds."""
    remote = tmp_path / "remote"
    shutil.copytree(repo / ".dvc/cache", remote)
    (repo / ".dvc/config").write_text(f"[core]\n remote = r\n['remote \"r\"']\n url = {remote}\n")
    return remote


def cached_graph(repo):
    """The graph of the bundle in production, in the cache."""
    content = (repo / "models/candidate" / LSTM / "model.onnx").read_bytes()
    files = (path for path in (repo / ".dvc/cache/files").rglob("*") if path.is_file())
    return next(path for path in files if path.read_bytes() == content)


def damage(path):
    """Another byte, of the same size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)


def test_candidates_that_are_links_into_the_cache_are_put_into_production_as_content(repo):
    """As `cache.type symlink` leaves them."""
    candidate = repo / "models/candidate" / LSTM
    for path in candidate.iterdir():
        kept = repo / "cache_of_links" / path.name
        kept.parent.mkdir(exist_ok=True)
        path.rename(kept)
        path.symlink_to(kept)
    bundle_id = verify_bundle(candidate).bundle_id
    carry_out(repo, ARTIFACTS, [], [Delivery(PROMOTED / LSTM, candidate, bundle_id)])
    shutil.rmtree(repo / "cache_of_links")
    assert verify_bundle(repo / PROMOTED / LSTM).bundle_id == bundle_id
    assert not any(path.is_symlink() for path in (repo / PROMOTED / LSTM).iterdir())


@pytest.mark.slow
def test_a_damaged_cache_file_does_not_hide_the_remotes(repo, tmp_path):
    """It is removed, and fetched anew."""
    add_remote(repo, tmp_path)
    damage(cached_graph(repo))
    with fetched(repo, LSTM, production(repo)) as folder:
        assert verify_bundle(folder).bundle_id == production(repo).record.bundle_id


def test_without_a_remote_a_damaged_cache_file_is_named_and_stays(repo):
    """It may be all there is."""
    path = cached_graph(repo)
    damage(path)
    with pytest.raises(
        ArtifactError, match=rf"are damaged in DVC's cache \({path.name}\), and there is no remote"
    ):
        with fetched(repo, LSTM, production(repo)):
            pass
    assert path.exists()


def test_a_damaged_listing_is_fetched_anew_too(repo, tmp_path):
    """Which DVC's cache holds of every folder."""
    add_remote(repo, tmp_path)
    for path in (repo / ".dvc/cache/files").rglob("*.dir"):
        damage(path)
    with fetched(repo, LSTM, production(repo)) as folder:
        assert verify_bundle(folder).bundle_id == production(repo).record.bundle_id


def test_a_remotes_password_is_not_shown_where_it_fails(repo):
    """Neither that of its URL nor that of its options."""
    shutil.rmtree(repo / ".dvc/cache")
    (repo / ".dvc/config").write_text(
        "[core]\n remote = r\n['remote \"r\"']\n url = https://me:hunter2@127.0.0.1:9/x\n password = s3cret\n"
    )
    with pytest.raises(ArtifactError) as caught:
        with fetched(repo, LSTM, production(repo)):
            pass
    assert "nor to be had from remote r (https://***@127.0.0.1:9/x)" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_what_a_killed_command_left_in_dvcs_folder_is_removed(repo):
    """Of processes that are gone alone."""
    temporaries = repo / ".dvc/tmp"
    gone, mine = temporaries / f"{TEMPORARY}4194303-x", temporaries / f"{TEMPORARY}{os.getpid()}-x"
    for folder in (gone, mine):
        folder.mkdir(parents=True)
    with fetched(repo, LSTM, production(repo)):
        pass
    assert (gone.exists(), mine.exists()) == (False, True)


def test_a_version_that_is_lost_is_named_and_the_others_are_restored(repo):
    """One that is not in production is told; one that is ends the command, after all else is done."""
    told = []
    (graph,) = [path for path in (repo / ".dvc/cache/files").rglob("*") if path == cached_graph(repo)]
    graph.unlink()
    with pytest.raises(ArtifactError, match=f"{LSTM} v1.1.0: its files are not in DVC's cache"):
        restore(told.append)
    assert f"{TRANSFORMER}: v1.0.0, brought back" in told
    git(repo, "tag", "--delete", f"{LSTM}#prod#2")
    told.clear()
    restore(told.append)
    assert [line for line in told if line.startswith(f"lost: {LSTM} v1.1.0: its files are not in DVC's")]


def test_in_a_clone_without_tags_production_is_left_and_that_is_said(repo):
    """It is a clone's fault and not the bundle's."""
    restore(print)
    git(repo, "tag", "--delete", *git(repo, "tag").split())
    told = []
    restore(told.append)
    assert any("of no version that this clone has tags of; left there" in line for line in told)
    assert (repo / PROMOTED / LSTM).exists()


@pytest.mark.parametrize("hidden", ["showUntrackedFiles", "assume-unchanged", "skip-worktree"])
def test_what_git_is_told_to_hide_is_not_committed_all_the_same(repo, hidden):
    """A release is made from a commit alone."""
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "clean", "--allow-empty")
    if hidden == "showUntrackedFiles":
        git(repo, "config", "status.showUntrackedFiles", "no")
        (repo / "new.py").write_text("x")
    else:
        git(repo, "update-index", f"--{hidden}", "params.yaml")
        (repo / "params.yaml").write_text("x: 1\n")
    with pytest.raises(ArtifactError, match=r"(new\.py|params\.yaml): not committed"):
        promoting.require_clean()


def test_that_releases_lie_in_one_cache_alone_is_warned_of(repo, tmp_path):
    """With the line that is safe."""
    (warning,) = promoting.warn_of_no_remote()
    assert "DVC has no remote" in warning
    add_remote(repo, tmp_path)
    assert promoting.warn_of_no_remote() == []


def test_a_head_on_no_branch_is_warned_of(repo):
    """Where an experiment was killed; who commits there would miss it on the branch."""
    assert promoting.warn_of_no_branch() == []
    git(repo, "checkout", "-q", "--detach")
    (warning,) = promoting.warn_of_no_branch()
    assert "HEAD is on no branch" in warning


@pytest.mark.slow
def test_the_readmes_line_of_cleaning_up_keeps_what_releases_need(repo):
    """`dvc gc` by it leaves every version to be had."""
    from dvc.repo import Repo

    with Repo(str(repo)) as dvc:
        dvc.gc(workspace=True, all_tags=True, force=True)
    told = []
    restore(told.append)
    assert not [line for line in told if line.startswith("lost")]
    with Repo(str(repo)) as dvc:
        dvc.gc(workspace=True, force=True)
    told.clear()
    restore(told.append)
    assert [line for line in told if line.startswith(f"lost: {LSTM} v1.0.0")]


def test_a_promotion_takes_no_name_and_no_commit_twice(repo):
    """A tag that is no release; a version that is registered at this commit, by which GTO knows it."""
    record = production(repo).record
    plan = promoting.Plan(LSTM, Version(2, 0, 0), "w", record.bundle_id, record, "")
    with pytest.raises(ArtifactError, match=rf"{LSTM}@v1.1.0: is registered at this commit; commit the run"):
        promoting.require_untagged([plan], Registry(repo, ARTIFACTS))
    git(repo, "commit", "-q", "--allow-empty", "-m", "another run")
    promoting.require_untagged([plan], Registry(repo, ARTIFACTS))
    git(repo, "tag", "-a", "-m", "mine", plan.tag)
    with pytest.raises(ArtifactError, match=f"tag {plan.tag}: is there already, and no release"):
        promoting.require_untagged([plan], Registry(repo, ARTIFACTS))


def test_a_model_that_the_committed_run_did_not_pack_is_named():
    """As of code that knew fewer models; those that it packed may be promoted."""
    run = RunRecord.model_construct(bundles={LSTM: None})
    promoting.require_bundles((LSTM,), run)
    with pytest.raises(ArtifactError, match=f"packed no transformer-trend, only {LSTM}: name one by MODEL="):
        promoting.require_bundles((LSTM, "transformer-trend"), run)
