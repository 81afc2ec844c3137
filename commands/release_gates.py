"""Gates that only a release can judge: latency as measured, configurations on record, the champion."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from commands.champion import Comparison, compare
from commands.pages import read_json
from tapeline.evaluation.latency import LatencyParams
from tapeline.evaluation.params import EvaluationParams
from tapeline.params import Params
from tapeline.promotion.gates import ARTIFACTS, FAILED, NOT_COMPARABLE, Gate, Verdict, judge_value
from tapeline.promotion.registry import Registry, git

ROOT = Path()


def judge_release(artifact: str, bundle: dict[str, Any], registry: Registry) -> list[Verdict]:
    """Judge what the pipeline's hashed inputs can't answer."""
    params = Params.read()
    budget = params.section("latency", LatencyParams).p99_budget_ms
    trials = params.section("evaluation", EvaluationParams).trials
    measured = read_json("metrics/latency.json")[f"{ARTIFACTS[artifact]}_latency_p99_ms"]
    return [
        judge_latency(artifact, Gate(max=budget), measured),
        judge_configurations(artifact, Gate(max=trials)),
        judge_champion(artifact, bundle, registry),
    ]


def judge_latency(artifact: str, gate: Gate, measured: float | None) -> Verdict:
    """Hold the measured 99th percentile against the budget; not measured is not good enough."""
    if measured is None:
        why = "no candle was predicted, so nothing was timed"
        return Verdict(artifact, "release.latency_p99_ms", None, gate.limit, None, FAILED, why)
    return judge_value(artifact, "release.latency_p99_ms", gate, measured)


def judge_configurations(artifact: str, gate: Gate) -> Verdict:
    """Hold what git has on record against the params; a shallow clone has forgotten most of it."""
    name = "release.configurations"
    if git(ROOT, "rev-parse", "--is-shallow-repository").strip() == "true":
        why = "the clone is shallow, so configurations can't be counted: git fetch --unshallow"
        return Verdict(artifact, name, None, gate.limit, None, FAILED, why)
    return judge_value(artifact, name, gate, configurations_on_record())


def judge_champion(artifact: str, bundle: dict[str, Any], registry: Registry) -> Verdict:
    """Hold the candidate against what is in production; no gate where that can't be done."""
    gate, name = Gate(min=0.0), "release.gain_over_champion_high"
    champion = registry.production(artifact)
    found = compare(artifact, bundle, champion) if champion else Comparison("nothing is in production")
    if champion is None or found.why:
        return Verdict(artifact, name, None, gate.limit, None, NOT_COMPARABLE, found.why)
    verdict = judge_value(artifact, name, gate, found.high)
    interval = f"{found.gain:.4g} [{found.low:.4g}, {found.high:.4g}]"
    told = (
        f"loss of {champion.version} less the candidate's on {found.rows} rows after its training: {interval}"
    )
    return replace(verdict, reason=f"{told}; {verdict.reason}")


def configurations_on_record() -> int:
    """Different results that git knows, of experiments and commits: versions of dvc.lock."""
    commits = git(ROOT, "log", "--all", "--full-history", "--format=%H", "--", "dvc.lock").split()
    refs = git(ROOT, "for-each-ref", "--format=%(refname)", "refs/exps").split()
    names = [f"{name}:dvc.lock" for name in (*commits, *refs) if "/celery/" not in name]
    found = {blob for name in names if (blob := blob_of(name))}
    return len(found)


def blob_of(name: str) -> str:
    """Hash of a file at a revision, `REVISION:PATH`; empty where it is not there."""
    listed = git(ROOT, "ls-tree", *name.split(":")).split()
    return listed[2] if listed else ""
