"""Git, run in a folder. It and GTO's grammar are touched in this room and nowhere else."""

import os
import subprocess
from pathlib import Path

from tapeline.errors import ArtifactError


def git(folder: Path, *command: str, text: str = "", **environment: str) -> str:
    """Run git in `folder` with `text` on its standard input; return its output, what is no UTF-8 escaped.

    ArtifactError holds git's own error if it fails.
    """
    return _decoded(git_bytes(folder, *command, text=text, **environment))


def git_bytes(folder: Path, *command: str, text: str = "", **environment: str) -> bytes:
    """Run git as `git` does, and return its output as it stands."""
    try:
        done = subprocess.run(
            ["git", *command],
            cwd=folder,
            input=text.encode(),
            capture_output=True,
            env=os.environ | environment,
        )
    except FileNotFoundError as error:
        raise ArtifactError(f"git {command[0]}: can't be run ({error.filename}: not found)") from error
    if done.returncode:
        said = " ".join(_decoded(done.stderr).split()) or "failed"
        raise ArtifactError(f"git {' '.join(command[:2])}: {said}")
    return done.stdout


def git_folder(folder: Path) -> Path:
    """Folder of the repository's own files, which all its worktrees share."""
    return folder / git(folder, "rev-parse", "--git-common-dir").strip()


def require_identity(folder: Path) -> None:
    """Raise ArtifactError unless git knows who makes the tags."""
    try:
        git(folder, "var", "GIT_COMMITTER_IDENT")
    except ArtifactError:
        raise ArtifactError(
            "git does not know who you are, and a tag has an author: "
            "git config user.name NAME && git config user.email ADDRESS"
        ) from None


def _decoded(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")
