"""A sweep on the tests is so many trials for good: each configuration as if it had been run."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tapeline.errors import ArtifactError
from tapeline.promotion.trials import (
    LOCK,
    collect_trials,
    present_params,
    read_lock,
    trials_with,
    write_trials,
)
from tapeline.sweeping.plan import SweepPlan

ROOT = Path()
OF_ACCOUNTS = ("signals.", "costs.", "execution.", "ftmo.", "instruments")  # params that trading is done by


def count_trials(plan: SweepPlan) -> int:
    """Write every configuration into trials.jsonl, as the trial it would be if run; return all trials.

    ArtifactError where the run in this folder is not up to date: nobody could say what is counted.
    """
    lock = read_lock(ROOT)
    swept = trials_with(lock, _changes(plan, lock))
    if swept is None:
        raise ArtifactError(f"{LOCK}: the stage evaluate is not up to date; run `dvc repro evaluate` first")
    trials = collect_trials(ROOT) | swept
    write_trials(ROOT, trials)
    return len(trials)


def _changes(plan: SweepPlan, lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each configuration has other than the run: what params.yaml now says, and what it sets itself."""
    said = present_params(ROOT, lock)
    present = {key: value for key, value in said.items() if key.startswith(OF_ACCOUNTS)}
    for condition in plan.conditions:
        given = dict(zip(plan.given_keys, condition, strict=True))
        for choice in plan.choices:
            yield present | given | dict(zip(plan.keys, choice, strict=True))
