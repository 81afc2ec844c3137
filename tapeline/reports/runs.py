"""Every run of this repository in one table: what lies here, experiments, commits that hold figures of a run.

Figures, params, revisions of data and code and the verdict come from git's objects; the duration, from the
logs of stages in `runs/`. What is not known is blank. Below the table: the probability that the best of all
runs over the same days is overfitted.
"""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from tapeline.evaluation.overfitting import probability_of_overfitting
from tapeline.models.table import FILES
from tapeline.promotion.repository import git, git_bytes
from tapeline.reports.changes import SUMMARY, leaves
from tapeline.reports.wording import Wording

INDEX, LOGS = Path("runs/index.csv"), Path("logs")
ACCOUNT, LOCK, PARAMS = "metrics/detail/backtest.json", "dvc.lock", "params.yaml"
METRICS = {name: f"metrics/{name}.json" for name in ("data", *FILES, "latency")}
READ = SUMMARY, *METRICS.values(), ACCOUNT, LOCK, PARAMS
WORKSPACE = "workspace"  # as DVC calls what lies here
EXPERIMENTS = re.compile(r"refs/exps/[0-9a-f]{2}/[0-9a-f]{38}/(.+)")  # beside them DVC keeps queues and heads
VERDICTS = {1: "may be promoted", 0: "refused"}
HASHED = re.compile(r"path: (\S+)\n\s+hash: md5\n\s+md5: (\w+)")
HEADS = "experiment", "commit", "market", "verdict"
PRINTED = "accuracy", "accuracy_low", "control", "pnl", "pnl_low", "failed"  # of the summary
COMMITS, WIDTH = 12, 120  # printed: the newest of them, and no wider


@dataclass(frozen=True)
class Run:
    """One run. experiment : its name, or a commit's tags; files : content by path of those of READ it has"""

    experiment: str
    commit: str
    created: str
    files: dict[str, str]
    is_commit: bool = False

    def daily_pnl(self) -> dict[str, float]:
        """Net PnL by day of its account; empty where there is none."""
        backtest = _json(self.files.get(ACCOUNT, ""))
        return {} if backtest.get("reason") else backtest.get("daily_net_pnl") or {}


def find_runs(folder: Path = Path()) -> list[Run]:
    """What lies here, then experiments, then commits that changed figures; the newest first."""
    here = {path: (folder / path).read_text(encoding="utf-8") for path in READ if (folder / path).is_file()}
    runs = [Run("", WORKSPACE, "", here)]
    refs = git(
        folder, "for-each-ref", "--sort=-creatordate", "--format=%(refname) %(objectname)", "refs/exps"
    )
    experiments = [
        (found[1], number)
        for ref, number in (line.split(" ") for line in refs.splitlines())
        if (found := EXPERIMENTS.fullmatch(ref))
    ]
    history = git(folder, "log", "--format=%H %D", "--", "metrics")
    commits = [
        (_tags(names), number) for number, _, names in (h.partition(" ") for h in history.splitlines())
    ]
    times = _times(folder, [number for _, number in (*experiments, *commits)])
    contents = _contents(folder, [number for _, number in (*experiments, *commits)])
    for name, number in (*experiments, *commits):
        is_commit = (name, number) not in experiments
        runs.append(Run(name, *times[number], contents[number], is_commit))
    return [run for run in runs if SUMMARY in run.files]


def _tags(names: str) -> str:
    """Tags among the names that git decorates a commit with."""
    return " ".join(name.removeprefix("tag: ") for name in names.split(", ") if name.startswith("tag: "))


def _times(folder: Path, numbers: list[str]) -> dict[str, tuple[str, str]]:
    """Short number and time of each commit."""
    if not numbers:
        return {}
    told = git(folder, "log", "--no-walk=unsorted", "--format=%H %h %cI", "--stdin", text="\n".join(numbers))
    return {number: (short, time) for number, short, time in (line.split(" ") for line in told.splitlines())}


def _contents(folder: Path, numbers: list[str]) -> dict[str, dict[str, str]]:
    """READ at each commit, by path, those that are there: one process of git for all."""
    asked = [(number, path) for number in numbers for path in READ]
    rest = git_bytes(folder, "cat-file", "--batch", text="".join(f"{n}:{path}\n" for n, path in asked))
    found: dict[str, dict[str, str]] = {number: {} for number in numbers}
    for number, path in asked:
        head, _, rest = rest.partition(b"\n")
        if head.endswith(b" missing"):
            continue
        size = int(head.rpartition(b" ")[2])
        found[number][path], rest = rest[:size].decode(), rest[size + 1 :]
    return found


@dataclass(frozen=True)
class RunTable:
    """A line a run. params : columns that are params, by dotted key"""

    lines: pd.DataFrame
    params: list[str]

    def printed(self, width: int = WIDTH) -> str:
        """What a person looks at first, with as many of the params that vary as there is room for."""
        is_commit = self.lines["is_commit"].astype(bool)
        older = is_commit & (is_commit.cumsum() > COMMITS)
        shown = self.lines[~older].drop(columns="is_commit")
        wording = Wording("")
        said = shown[list(HEADS)].copy()
        for key in (key for key in PRINTED if key in shown):
            said[key] = ["" if v == "" else wording.said(v, key).strip() for v in shown[key]]
        tried = shown[~is_commit[~older]]  # by whoever looks: before what commits changed
        varied = [key for key in self.params if len(set(shown[key]) - {""}) > 1]
        varied.sort(key=lambda key: len(set(tried[key]) - {""}) < 2)
        left = []
        for key in varied:
            wider = said.assign(**{key: shown[key]})
            if len(_text(wider).partition("\n")[0]) > width:
                left.append(key)
            else:
                said = wider
        notes = [f"{len(left)} params that vary are in the file alone: {', '.join(left[:5])}"] if left else []
        notes += [f"{older.sum()} older commits with a run are in the file alone"] if older.any() else []
        return "\n".join([_text(said), *notes])


def index(runs: Iterable[Run], logs: Path = LOGS, stored: Path = INDEX.parent) -> RunTable:
    """Names, verdict, revisions and duration of each run; the summary's figures, all others, params."""
    lines: list[dict[str, Any]] = []
    params: dict[str, str] = {}
    for run in runs:
        figures = {name: _json(run.files.get(path, "")) for name, path in METRICS.items()}
        short = _json(run.files[SUMMARY])
        values = leaves(yaml.load(run.files.get(PARAMS, ""), Loader=Plain) or {})
        given = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
        hashes = dict(HASHED.findall(run.files.get(LOCK, "")))
        where = logs if run.commit == WORKSPACE else stored / (run.experiment or "-") / "logs"
        line = {
            "experiment": run.experiment,
            "commit": run.commit,
            "created": run.created,
            "market": _market(figures["data"]),
            "verdict": VERDICTS.get(figures["promotion"].get("passed", ""), ""),
            "data": hashes.get("data/features", "")[:7],
            "code": _revision({path: md5 for path, md5 in hashes.items() if path.endswith(".py")}),
            "duration_s": duration(where),
            "is_commit": run.is_commit,
        }
        of_files = {
            f"{file}.{key}": value for file, values in figures.items() for key, value in values.items()
        }
        lines.append(line | short | of_files | given)
        params |= given
    return RunTable(pd.DataFrame(lines).astype(object).fillna(""), list(params))


class Plain(getattr(yaml, "CBaseLoader", yaml.BaseLoader)):  # type: ignore[misc]
    """Reads every value of YAML as it is written: nothing is computed with it, and `23:55` is no number."""


def _market(cards: dict[str, Any]) -> str:
    """What the candles are of, an exchange or the simulation; blank in former runs."""
    found = {str(card["market"]) for card in cards.values() if isinstance(card, dict) and "market" in card}
    return " ".join(sorted(found))


def _text(table: pd.DataFrame) -> str:
    return table.to_string(index=False)


def _json(text: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads(text) if text else {}
    return values


def duration(folder: Path) -> str:
    """Seconds that the stages whose logs lie in `folder` took together; blank without logs."""
    ends = [re.search(r"done in ([0-9.]+) s\s*$", path.read_text()) for path in sorted(folder.glob("*.log"))]
    seconds = [float(end[1]) for end in ends if end]
    return f"{sum(seconds):.0f}" if seconds else ""


def overfitting(runs: Iterable[dict[str, float]]) -> str:
    """One line on the probability that the best run is overfitted; `runs` are days of PnL.

    Only runs over the days that most of them share are compared, each result once.
    """
    kept: dict[tuple[str, ...], set[tuple[float, ...]]] = {}
    for daily in runs:
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
    return hashlib.sha256(repr(sorted(hashes.items())).encode()).hexdigest()[:7] if hashes else ""
