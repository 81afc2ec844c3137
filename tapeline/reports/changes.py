"""What changed: the run's params and figures beside those of the last commit, and of the champion."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tapeline.errors import ArtifactError
from tapeline.models.table import ARTIFACTS
from tapeline.promotion.registry import Registry
from tapeline.promotion.repository import git
from tapeline.reports.wording import Wording

SUMMARY = "metrics/summary.json"  # what every run writes anew
# Of the run's files, what a reader looks at first; the model that is traded goes before them.
HEADLINES = {
    "backtest": ("trades", "gross_pnl", "net_pnl", "net_pnl_low", "max_drawdown_inside", "sharpe_ratio"),
    "ftmo": ("pass_probability", "pass_probability_low", "zero_edge_p_value", "breached"),
    "transformer": ("mae", "rank_correlation"),
}
OF_TRADED = ("accuracy_all", "accuracy_all_low", "accuracy_best_control", "share_of_ceiling", "ece", "brier")
Metrics = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Comparison:
    """The run beside another. figures : by `FILE.KEY`, `before` and `now` in words; params : by dotted key"""

    title: str
    figures: dict[str, dict[str, str]]
    params: dict[str, dict[str, str]]
    n_same: int  # of the figures that are looked at


def compare_run(metrics: Metrics, traded: str, artifact: str, wording: Wording) -> list[Comparison]:
    """The run beside the last commit with other figures, and beside the champion, where there are any."""
    found = []
    try:
        commit = last_commit()
        if commit:
            before = {name: _json_at(commit, f"metrics/{name}.json") for name in (traded, *HEADLINES)}
            title = f"Since commit {git(Path(), 'log', '-1', '--format=%h (%cs) %s', commit).strip()}"
            found.append(compare(title, before, metrics, traded, wording, _params_changed(commit)))
        champion = Registry(Path(), ARTIFACTS).production(artifact)
    except ArtifactError:  # outside a repository there is nothing to compare with
        return found
    if champion:
        of = {name: dict(values) for name, values in champion.record.metrics.items()}
        title = f"Since the champion, {artifact} {champion.version}"
        found.append(compare(title, of, metrics, traded, wording, _params_changed(champion.commit)))
    return found


def last_commit() -> str | None:
    """The last commit whose summary is not the one that lies here; None where there is none."""
    here = Path(SUMMARY).read_text(encoding="utf-8") if Path(SUMMARY).is_file() else ""
    for commit in git(Path(), "log", "-5", "--format=%H", "--", SUMMARY).split():
        try:
            if git(Path(), "show", f"{commit}:{SUMMARY}") != here:
                return commit
        except ArtifactError:  # the commit that took it away
            continue
    return None


def compare(
    title: str,
    before: Metrics,
    now: Metrics,
    traded: str,
    wording: Wording,
    params: dict[str, dict[str, str]],
) -> Comparison:
    """Figures that a reader looks at first and that differ, in words."""
    keys = {traded: OF_TRADED, **HEADLINES}
    pairs = {
        f"{file}.{key}": (before.get(file, {}).get(key), now.get(file, {}).get(key))
        for file, names in keys.items()
        for key in names
    }
    figures = {
        name: {
            "before": wording.said(old, name.rpartition(".")[2]),
            "now": wording.said(new, name.rpartition(".")[2]),
        }
        for name, (old, new) in pairs.items()
        if old != new
    }
    return Comparison(title, figures, params, len(pairs) - len(figures))


def _json_at(commit: str, path: str) -> dict[str, Any]:
    """A file of metrics at a commit; empty where it was not there."""
    try:
        values: dict[str, Any] = json.loads(git(Path(), "show", f"{commit}:{path}"))
    except (ArtifactError, ValueError):
        return {}
    return values


def _params_changed(commit: str) -> dict[str, dict[str, str]]:
    """Params that are others than at `commit`, in the words of YAML."""
    reader = YAML(typ="safe")
    try:
        old = _leaves(reader.load(io.StringIO(git(Path(), "show", f"{commit}:params.yaml"))))
        new = _leaves(reader.load(Path("params.yaml").read_text(encoding="utf-8")))
    except (ArtifactError, YAMLError):
        return {}
    changed = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return {key: {"before": _word(old, key), "now": _word(new, key)} for key in changed}


def _leaves(values: Any, prefix: str = "") -> dict[str, Any]:
    """Values by dotted key, lists whole."""
    if not isinstance(values, dict):
        return {prefix: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= _leaves(value, f"{prefix}.{key}" if prefix else str(key))
    return found


def _word(values: dict[str, Any], key: str) -> str:
    return json.dumps(values[key], default=str, ensure_ascii=False) if key in values else "not there"
