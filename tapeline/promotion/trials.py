"""Trials: configurations whose figures on test candles were visible: the deflated Sharpe ratio counts them.

A trial is the params and the code that decide what is predicted and traded, as dvc.lock records them of a
finished `evaluate`. The candles are no part of it: the same configuration on newer ones is no new choice.
`trials.jsonl` carries the trials of one clone to all others: a line per trial, sorted, the same bytes
for the same trials, so that git merges it line by line.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tapeline.errors import ArtifactError
from tapeline.outputs import whole_file
from tapeline.params import PARAMS_FILE
from tapeline.promotion.repository import git
from tapeline.promotion.versions import fingerprint

FILE = "trials.jsonl"
LOCK = "dvc.lock"
START, FOLDER = "train.start_from", ".dir"  # the latter ends DVC's hash of a folder
LAST, CANDLES = "evaluate", "ingest"  # params of the latter are no part of a trial
MADE = ("data/features", "data/predictions/", "data/splits")  # by stages whose params are part of a trial
# Params of these stages that choose neither a prediction nor a trade: the source of candles, how figures
# are judged and resampled, the report's other variants, the machine, the dates of looked-up facts.
NO_CHOICE = (
    "data.source", "data.path", "data.layout", "data.columns", "data.timezone", "data.workers",
    "data.max_rejected_share", "data.memory_gb", "simulation", "quality", "evaluation", "gates", "latency",
    "costs.as_of", "costs.stress", "execution.latency_grid_s", "signals.ablation_trends",
    "ftmo.as_of", "ftmo.control_runs", "ftmo.odds_block", "ftmo.odds_days", "ftmo.odds_paths",
    "promotion.replay_candles", "train.compile", "train.device", "train.importance_rows", "train.workers",
)  # fmt: skip
# Code that reads candles, audits them and judges figures decides neither, too.
NO_CODE = ("tapeline/market/", "tapeline/quality/", "tapeline/evaluation/")


class Trial(NamedTuple):
    """Fingerprints of one configuration."""

    code: str
    params: str


def trial_of(lock: dict[str, Any]) -> Trial | None:
    """Return the trial that a dvc.lock records; None if its `evaluate` is not up to date with its inputs."""
    found = _recorded(lock)
    return None if found is None else Trial(fingerprint(found[0]), fingerprint(found[1]))


def trials_with(lock: dict[str, Any], changes: Iterable[dict[str, Any]]) -> set[Trial] | None:
    """The trials that a run as in a dvc.lock would be with other params, each by dotted key; None as above.

    A value below a key of the lock, such as `signals.tiers.A`, is set in the value of that.
    """
    found = _recorded(lock)
    if found is None:
        return None
    code, params = fingerprint(found[0]), found[1]
    return {Trial(code, fingerprint(_changed(params, values))) for values in changes}


def _changed(params: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    changed = dict(params)
    for key, value in values.items():
        owner = key
        while owner not in changed and "." in owner:
            owner = owner.rpartition(".")[0]
        if owner == key:
            changed[key] = value
        elif owner in changed:
            changed[owner] = _set(changed[owner], key.removeprefix(f"{owner}.").split("."), value)
    return changed


def _set(node: dict[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    return node | {path[0]: value if len(path) == 1 else _set(node[path[0]], path[1:], value)}


def _recorded(lock: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Code files, and params that choose, of the run that a lock records; None if it is not up to date."""
    stages = lock.get("stages") or {}
    made = {out["path"]: out.get("md5") for stage in stages.values() for out in stage.get("outs", [])}
    names = _deciding(stages)
    deps = [dep for name in names for dep in stages[name].get("deps", [])]
    if LAST not in names or any(dep["path"].startswith(MADE) and dep["path"] not in made for dep in deps):
        return None
    if any(dep["path"] in made and made[dep["path"]] != dep.get("md5") for dep in deps):
        return None
    code = {
        dep["path"]: dep.get("md5")
        for dep in deps
        if dep["path"].endswith(".py") and not dep["path"].startswith(NO_CODE)
    }
    params: dict[str, Any] = {}
    for name in names:
        params |= stages[name].get("params", {}).get("params.yaml", {})
    chosen = {key: value for key, value in params.items() if not _is_within(key, NO_CHOICE)}
    # Other weights to begin with are another choice, whatever their folder is called.
    start = Path(str(params.get(START))).as_posix()
    hashes = {str(dep.get("md5")) for dep in deps if dep["path"] == start}
    begun = [md5 for md5 in sorted(hashes) if md5.endswith(FOLDER)]  # of a file: none
    return code, chosen | ({f"{START} content": begun} if begun else {})


def _deciding(stages: dict[str, Any]) -> list[str]:
    """`evaluate` and the stages that made its inputs, in the lock's order, without that of the candles."""
    read = {dep["path"] for dep in stages.get(LAST, {}).get("deps", [])}
    makers = {name for name, stage in stages.items() if read & {out["path"] for out in stage.get("outs", [])}}
    return [name for name in stages if name == LAST or name in makers - {CANDLES}]


def read_trials(text: str, name: str = FILE) -> set[Trial]:
    """Parse trials.jsonl, in any order and with duplicate lines, as a merge may leave it."""
    trials = set()
    for number, line in enumerate(text.splitlines(), 1):
        try:
            trials.add(Trial(**json.loads(line)))
        except (ValueError, TypeError) as error:
            rule = "must be a line like {}".format(_line(Trial("0123456789abcdef", "0123456789abcdef")))
            raise ArtifactError(f"{name} line {number}: {line[:40]!r} {rule}") from error
    return trials


def collect_trials(folder: Path) -> set[Trial]:
    """All trials of this clone: of every commit and experiment, of trials.jsonl, of the workspace."""
    history = "log", "--exclude=refs/exps/celery/*", "--all", "--full-history", "-m", "--raw", "--no-abbrev"
    changes = git(folder, *history, "--format=", "--", LOCK)
    blobs = {blob for line in re.findall(r"^:\d+ \d+ (\w+) (\w+)", changes, re.MULTILINE) for blob in line}
    locks = [git(folder, "cat-file", "blob", blob) for blob in sorted(blobs - {"0" * 40})]
    if (folder / LOCK).is_file():
        locks.append((folder / LOCK).read_text(encoding="utf-8"))
    trials = {trial for text in locks if (trial := trial_of(_parse(text)))}
    committed = git(folder, "ls-tree", "--name-only", "HEAD", FILE).strip()
    if committed:
        trials |= read_trials(git(folder, "show", f"HEAD:{FILE}"), f"HEAD:{FILE}")
    if (folder / FILE).is_file():
        trials |= read_trials((folder / FILE).read_text(encoding="utf-8"))
    return trials


def write_trials(folder: Path, trials: set[Trial]) -> int:
    """Write trials.jsonl if they differ from its content; return how many of them are new."""
    path = folder / FILE
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    after = "".join(_line(trial) + "\n" for trial in sorted(trials))
    if after != before:
        with whole_file(path) as aside:
            aside.write_text(after, encoding="utf-8")
    return len(trials - read_trials(before))


def read_lock(folder: Path) -> dict[str, Any]:
    """What the dvc.lock in `folder` holds; ArtifactError where there is none."""
    path = folder / LOCK
    if not path.is_file():
        raise ArtifactError(f"{LOCK}: is not there; `dvc repro {LAST}` makes it")
    return _parse(path.read_text(encoding="utf-8"))


def present_params(folder: Path, lock: dict[str, Any]) -> dict[str, Any]:
    """What params.yaml in `folder` now says of the keys that a dvc.lock records of `evaluate`.

    Read as the lock is, by which `23:55` is a number: what has not changed must be equal.
    """
    said = _parse((folder / PARAMS_FILE).read_text(encoding="utf-8"))
    recorded = (lock.get("stages") or {}).get(LAST, {}).get("params", {}).get(str(PARAMS_FILE), {})
    found = {}
    for key in recorded:
        node: Any = said
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        found[key] = node
    return found


def _parse(text: str) -> dict[str, Any]:
    # A lock with a merge's conflict in it was never run.
    try:
        lock = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return {}
    return lock if isinstance(lock, dict) else {}


def _is_within(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _line(trial: Trial) -> str:
    return json.dumps(trial._asdict())
