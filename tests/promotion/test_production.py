"""What is left of commands that were cut off is gone after the next one."""

from pathlib import Path

from tapeline.promotion.production import COPIES, PROMOTED, SHADOWS, former, partial, sweep


def test_what_cut_off_commands_leave_is_removed_and_nothing_else(tmp_path):
    """A staged bundle, one kept aside, a copy of a run that was being checked; not what is served."""
    left = [tmp_path / COPIES / "a/models"]
    left += [
        where(tmp_path / folder / "net") for folder in (PROMOTED, SHADOWS) for where in (partial, former)
    ]
    kept = [tmp_path / PROMOTED / "net", tmp_path / PROMOTED / ".other.partial", tmp_path / ".dvc/tmp/lock"]
    for folder in left + kept:
        folder.mkdir(parents=True)
        (folder / "file").touch()
    sweep(tmp_path, ["net"])
    assert [folder for folder in left if folder.exists()] == []
    assert all((folder / "file").exists() for folder in kept)
    assert not (tmp_path / COPIES).exists()
    sweep(Path(tmp_path), ["net"])  # nothing is there, and nothing is said
