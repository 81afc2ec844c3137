"""A sweep on the tests is so many trials for good: each configuration as if it had been run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tapeline.errors import ArtifactError
from tapeline.params import Params
from tapeline.promotion.trials import LOCK, collect_trials, read_lock, trials_with, write_trials
from tapeline.sweeping.plan import SweepPlan

ROOT = Path()
OF_ACCOUNTS = ("signals.", "costs.", "execution.", "ftmo.", "instruments")  # params that trading is done by


def count_trials(params: Params, plan: SweepPlan) -> int:
    """Write every configuration into trials.jsonl, as the trial it would be if run; return all trials.

    ArtifactError where the run in this folder is not up to date: nobody could say what is counted.
    """
    lock = read_lock(ROOT)
    swept = trials_with(lock, _changes(params, plan, lock))
    if swept is None:
        raise ArtifactError(f"{LOCK}: the stage evaluate is not up to date; run `dvc repro evaluate` first")
    trials = collect_trials(ROOT) | swept
    write_trials(ROOT, trials)
    return len(trials)


def _changes(params: Params, plan: SweepPlan, lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each configuration has other than the run: what it sets, and what params.yaml now says."""
    recorded = lock.get("stages", {}).get("evaluate", {}).get("params", {}).get("params.yaml", {})
    present = {key: params.value(key, Any) for key in recorded if key.startswith(OF_ACCOUNTS)}
    for condition in plan.conditions:
        given = dict(zip(plan.given_keys, condition, strict=True))
        for choice in plan.choices:
            yield present | given | dict(zip(plan.keys, choice, strict=True))
