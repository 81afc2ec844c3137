"""Which stages' files are not those that dvc.lock records: a page of them would mix runs."""

import json
import subprocess
import sys
from typing import Any

MIXED = {"modified", "new"}  # a file that is merely not here is no file of another run


def stale_stages() -> list[str]:
    """Stages whose params, code, inputs or outputs are others than recorded; empty where DVC can't say."""
    command = [sys.executable, "-m", "dvc", "status", "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        return stale_of(json.loads(done.stdout))
    except ValueError:
        return []


def stale_of(status: dict[str, Any]) -> list[str]:
    """The stages that `dvc status --json` says differ, those apart whose files are merely missing."""
    return [stage for stage, entries in status.items() if any(map(_is_mixed, entries))]


def _is_mixed(entry: Any) -> bool:
    if not isinstance(entry, dict):  # "changed command", or a stage that always changes
        return True
    return any(
        isinstance(files, dict) and any(isinstance(how, dict) or how in MIXED for how in files.values())
        for files in entry.values()
    )
