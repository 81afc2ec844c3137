"""Every experiment and commit in one table: `runs/index.csv`, and the most telling columns printed.

Params, metrics, revisions of data and code and the verdict come from DVC; how long it took, from the logs
that stages leave in `runs/`. What is not known is blank.
"""

import csv
import hashlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd

from tapeline.outputs import write_csv

INDEX, LOGS = Path("runs/index.csv"), Path("logs")
NAMES = {"Experiment": "experiment", "rev": "commit", "Created": "created", "State": "state"}
HIDDEN = {"typ", "parent", "Executor"}
UNKNOWN = ("", "-", "!")  # as DVC writes what it does not know
PRINTED = (
    "experiment", "commit", "verdict", "accuracy_all", "share_of_ceiling", "rank_correlation", "net_pnl",
    "data", "code", "duration_s",
)  # fmt: skip


def read_experiments() -> list[dict[str, str]]:
    """All experiments and commits as DVC lists them, newest first; one dictionary each."""
    command = [sys.executable, "-m", "dvc", "exp", "show", "--all-commits", "--csv", "--precision", "10"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"dvc exp show: {' '.join(done.stderr.split()) or 'failed'}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def index(experiments: list[dict[str, str]], logs: Path = LOGS, runs: Path = INDEX.parent) -> pd.DataFrame:
    """One line an experiment: its names, verdict, revisions and duration, then its metrics and params."""
    lines = []
    for found in experiments:
        known = {key: "" if value in UNKNOWN else value for key, value in found.items()}
        dependencies = {key: value for key, value in known.items() if "/" in key and ":" not in key}
        line = {name: known.pop(key, "") for key, name in NAMES.items()}
        line["verdict"] = {"1": "may be promoted", "0": "refused"}.get(known.get("passed", ""), "")
        line["data"] = dependencies.get("data/features", "")[:7]
        line["code"] = _revision({key: value for key, value in dependencies.items() if key.endswith(".py")})
        folder = logs if line["commit"] == "workspace" else runs / (line["experiment"] or "-") / "logs"
        line["duration_s"] = duration(folder)
        dropped = dependencies.keys() | HIDDEN | {"requirements.lock"}
        lines.append(line | {key: value for key, value in known.items() if key not in dropped})
    return pd.DataFrame(lines).fillna("")


def duration(folder: Path) -> str:
    """Seconds that the stages whose logs lie in `folder` took together; blank without logs."""
    ends = [re.search(r"done in ([0-9.]+) s\s*$", path.read_text()) for path in sorted(folder.glob("*.log"))]
    seconds = [float(end[1]) for end in ends if end]
    return f"{sum(seconds):.0f}" if seconds else ""


def _revision(hashes: dict[str, str]) -> str:
    """Short hash of the code files that decided a run; blank where DVC did not record them."""
    if not any(hashes.values()):
        return ""
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()[:7]


def main() -> None:
    """Write the index and print its main columns."""
    table = index(read_experiments())
    write_csv(INDEX, table)
    printed = table[[name for name in PRINTED if name in table.columns]]
    rounded = printed.map(lambda text: f"{float(text):.4g}" if re.fullmatch(r"-?\d+\.\d+", text) else text)
    print(rounded.to_string(index=False))
    print(f"written: {INDEX}, {len(table)} lines, {len(table.columns)} columns")


if __name__ == "__main__":
    main()
