"""A small project of two runs and their releases: real bundles, cache and tags; nothing has to be trained."""

import shutil
from pathlib import Path

from dvc.repo import Repo

from tapeline.closure import ROOT
from tapeline.promotion.repository import git

FIXTURES = ROOT / "tests/promotion/fixtures"
LSTM, TRANSFORMER = "lstm-direction", "transformer-trend"
# The run's own dvc.lock lists every stage; that its hashes are found takes the one of the candidates.
PIPELINE = "stages:\n  promote:\n    cmd: python -m stages.promote\n    outs:\n    - models/candidate\n"


def put(folder: Path, *tags: str) -> None:
    """Bundles of `tags` as the candidates of a run, in DVC's cache, too."""
    shutil.rmtree(folder / "models", ignore_errors=True)
    for tag in tags:
        shutil.copytree(FIXTURES / "bundles" / tag, folder / "models/candidate" / tag.split("@")[0])
    with Repo(str(folder)) as repo:
        repo.add(str(folder / "models/candidate"))


def commit(folder: Path, *tags: str) -> None:
    """Commit all, and make `tags` with their messages."""
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "run")
    for tag in tags:
        git(folder, "tag", "-a", "-F", str(FIXTURES / f"tags/{tag}.json"), tag)


def two_runs(folder: Path) -> Path:
    """Two runs, the first with v1.0.0 of both, the second, whole, with v1.1.0 of the LSTM."""
    folder.mkdir(exist_ok=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "t")
    git(folder, "config", "user.email", "t@example.org")
    Repo.init(str(folder)).close()
    (folder / ".gitignore").write_text("/models/promoted/\n/models/shadow/\n/models/registry.json\n")
    put(folder, f"{LSTM}@v1.0.0", f"{TRANSFORMER}@v1.0.0")
    commit(folder, f"{LSTM}@v1.0.0", f"{LSTM}#prod#1", f"{TRANSFORMER}@v1.0.0", f"{TRANSFORMER}#prod#1")
    put(folder, f"{LSTM}@v1.1.0", f"{TRANSFORMER}@v1.0.0")
    (folder / "models/candidate.dvc").unlink()
    shutil.copytree(FIXTURES / "run", folder, dirs_exist_ok=True)
    (folder / "dvc.yaml").write_text(PIPELINE)
    commit(folder, f"{LSTM}@v1.1.0", f"{LSTM}#prod#2")
    return folder
