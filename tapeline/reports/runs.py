"""Every experiment and commit in one table.

Params, metrics, revisions of data and code and the verdict come from DVC; the duration, from the logs of
stages in `runs/`. What is not known is blank. Below the table: the probability that the best of all runs over
the same days is overfitted.
"""

import csv
import hashlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import dvc.api
import numpy as np
import pandas as pd
from dvc.exceptions import DvcException

from tapeline.evaluation.overfitting import probability_of_overfitting

INDEX, LOGS = Path("runs/index.csv"), Path("logs")
TRADED = "metrics/detail/backtest.json"
NAMES = {"Experiment": "experiment", "rev": "commit", "Created": "created", "State": "state"}
HIDDEN = {"typ", "parent", "Executor"}
UNKNOWN = ("", "-", "!")  # DVC's marks for missing values
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
    """One row per experiment: its names, verdict, revisions and duration, then its metrics and params."""
    lines = []
    for experiment in experiments:
        fields = {key: "" if value in UNKNOWN else value for key, value in experiment.items()}
        dependencies = {key: value for key, value in fields.items() if "/" in key and ":" not in key}
        line = {name: fields.pop(key, "") for key, name in NAMES.items()}
        line["verdict"] = {"1": "may be promoted", "0": "refused"}.get(fields.get("passed", ""), "")
        line["data"] = dependencies.get("data/features", "")[:7]
        line["code"] = _revision({key: value for key, value in dependencies.items() if key.endswith(".py")})
        folder = logs if line["commit"] == "workspace" else runs / (line["experiment"] or "-") / "logs"
        line["duration_s"] = duration(folder)
        dropped = dependencies.keys() | HIDDEN | {"requirements.lock"}
        lines.append(line | {key: value for key, value in fields.items() if key not in dropped})
    return pd.DataFrame(lines).fillna("")


def duration(folder: Path) -> str:
    """Seconds that the stages whose logs lie in `folder` took together; blank without logs."""
    ends = [re.search(r"done in ([0-9.]+) s\s*$", path.read_text()) for path in sorted(folder.glob("*.log"))]
    seconds = [float(end[1]) for end in ends if end]
    return f"{sum(seconds):.0f}" if seconds else ""


def daily_pnl(commit: str) -> dict[str, float]:
    """Net PnL by day of the backtest at a commit; empty where there is none."""
    try:
        text = dvc.api.read(TRADED, rev=None if commit == "workspace" else commit)
    except (DvcException, OSError):
        return {}
    backtest = json.loads(text)
    return {} if backtest.get("reason") else backtest["daily_net_pnl"]


def overfitting(runs: dict[str, dict[str, float]]) -> str:
    """One line on the probability that the best run is overfitted; `runs` are days of PnL by commit.

    Only runs over the days that most of them share are compared, each result once.
    """
    kept: dict[tuple[str, ...], set[tuple[float, ...]]] = {}
    for daily in runs.values():
        if daily:
            kept.setdefault(tuple(daily), set()).add(tuple(daily.values()))
    days, results = max(kept.items(), key=lambda item: len(item[1]), default=((), set()))
    probability = probability_of_overfitting(np.array(sorted(results)).T) if results else None
    what = f"{len(results)} different results over the same {len(days)} days"
    if probability is None:
        return f"probability of overfitting (CSCV): not known from {what}"
    return f"probability of overfitting (CSCV): {probability:.2f}, from {what}; at 0.5 the choice is chance"


def _revision(hashes: dict[str, str]) -> str:
    """Short hash of the code files that decided a run; blank where DVC did not record them."""
    if not any(hashes.values()):
        return ""
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()[:7]
