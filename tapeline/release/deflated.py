"""The Sharpe ratio against the best expected of as many trials without an edge, and its gate."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tapeline.evaluation.performance import deflated_sharpe
from tapeline.models.selected import late_trials
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.promotion.gates import FAILED, RELEASE, GateParams, Verdict, judge
from tapeline.promotion.repository import git
from tapeline.promotion.trials import FILE, collect_trials, write_trials

ROOT = Path()


def judge_deflated_sharpe(artifact: str) -> list[Verdict]:
    """Judge the account's deflated Sharpe ratio, if `artifact` has a gate on it, by this clone's trials."""
    params = Params.read()
    gates, program = params.section("gates", GateParams), params.value("ftmo.program", str)
    backtest = read_json("metrics/backtest.json")
    value, trials = deflate(backtest, read_json("metrics/detail/backtest.json"))
    metrics = {RELEASE: {"deflated_sharpe": value}, "backtest": backtest}
    verdicts = judge(gates, metrics, program, of_release=True)
    if git(ROOT, "rev-parse", "--is-shallow-repository").strip() == "true":
        why = "the clone is shallow, so trials can't be counted: git fetch --unshallow"
        verdicts = [replace(verdict, status=FAILED, reason=why) for verdict in verdicts]
    return [
        replace(v, reason=f"{v.reason}; trials counted: {trials}") for v in verdicts if v.artifact == artifact
    ]


def deflate(backtest: dict[str, Any], detail: dict[str, Any]) -> tuple[float | None, int]:
    """Deflated Sharpe ratio of the run's account, None where it has no ratio, and the trials counted.

    Trials of a search count where they have seen candles that are reported, and not where it ended before.
    """
    trials = max(1, len(collect_trials(ROOT))) + late_trials()
    if backtest["probabilistic_sharpe"] is None:
        return None, trials
    initial = Params.read().value("signals.initial_balance", float)
    return deflated_sharpe(np.array(list(detail["daily_net_pnl"].values())), initial, trials), trials


def note_trials() -> str:
    """Write this clone's trials into trials.jsonl; return a message on new ones, empty if there are none."""
    trials = collect_trials(ROOT)
    new = write_trials(ROOT, trials)
    if not new:
        return ""
    return f"{FILE}: {new} of {len(trials)} trials are new; commit it, so that every clone counts them"
