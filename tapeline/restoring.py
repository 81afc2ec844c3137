"""What to do after a stage that failed: DVC has taken its old outputs away before it began."""

import subprocess
from pathlib import Path

from ruamel.yaml import YAML

RESTORE = "the last good outputs come back by `git checkout metrics && dvc checkout`"
# Metrics of the commit beside a dvc.lock of another run would be taken for changed outputs, and made again.
UNCOMMITTED = (
    "what other stages have made stays for the next run; `git checkout dvc.lock metrics && dvc checkout` "
    "goes back to the committed one, as far as this clone holds it"
)
NOTHING = "this clone holds no outputs of an earlier run, so there are none to bring back"


def restore_hint(project: Path) -> str:
    """Say what brings the last good outputs back, as far as this clone of the project holds any."""
    if not (project / ".dvc").is_dir():
        return RESTORE
    if _is_of_another_run(project):
        return UNCOMMITTED
    if _has_metrics(project) and _is_cached(project):
        return RESTORE
    steps = ["git checkout metrics"] if _has_metrics(project) else []
    configs = (project / ".dvc" / name for name in ("config", "config.local"))
    if any("[remote" in text or "['remote" in text for text in map(_read, configs)):
        steps.append("dvc pull")
    if not steps:
        return NOTHING
    return f"`{' && '.join(steps)}` brings back what this clone can have of earlier runs"


def _is_of_another_run(project: Path) -> bool:
    """Whether dvc.lock records stages that have run since the commit."""
    compare = ["git", "diff", "--quiet", "HEAD", "--", "dvc.lock"]
    return subprocess.run(compare, cwd=project, capture_output=True, check=False).returncode == 1


def _has_metrics(project: Path) -> bool:
    listed = subprocess.run(["git", "ls-files", "metrics"], cwd=project, capture_output=True, check=False)
    return bool(listed.stdout)


def _is_cached(project: Path) -> bool:
    """Whether DVC's cache holds what dvc.lock records; where the cache lies elsewhere, it is taken to."""
    if any("[cache]" in _read(project / ".dvc" / name) for name in ("config", "config.local")):
        return True
    stages = (YAML(typ="safe").load(_read(project / "dvc.lock")) or {}).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    hashes = [out["md5"] for out in outs if not out["path"].startswith("metrics/")]
    cache = project / ".dvc" / "cache" / "files" / "md5"
    return bool(hashes) and all((cache / md5[:2] / md5[2:]).exists() for md5 in hashes)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
