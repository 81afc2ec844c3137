"""What a sweep leaves on record: on the tests each configuration is a trial for good, as if it had been run.

On inner folds it leaves a record as a search does, which says what candles it has seen: should tests later
begin before these, its configurations count as well.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.models.table import TRADED
from tapeline.outputs import write_json
from tapeline.promotion.selection import RECORDS, TunedTrial, TuningRecord
from tapeline.promotion.trials import (
    LOCK,
    collect_trials,
    present_params,
    read_lock,
    trials_with,
    write_trials,
)
from tapeline.promotion.versions import fingerprint
from tapeline.sweeping.outcome import Outcome
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


def write_selection(found: Outcome, market: str, last_candle: pd.Timestamp) -> Path:
    """Write the record of a sweep on inner folds, to be committed; return its path.

    market : whose candles; last_candle : the last that any account has seen
    """
    plan, best = found.plan, found.finalists
    trials = tuple(
        TunedTrial(
            number=each.number, params=dict(zip(plan.keys, plan.choices[each.number], strict=True)),
            score=each.figures["net_pnl_low"],
        )
        for each in best
    )  # fmt: skip
    tried = [plan.keys, plan.choices, plan.given_keys, plan.conditions, market, found.span, found.first_test]
    record = TuningRecord(
        network=TRADED[0].name, study=f"sweep-{fingerprint(tried)}", market=market,
        scored=(found.span[0][:10], found.span[1][:10]), last_candle=last_candle.isoformat(),
        first_test=pd.Timestamp(found.first_test, tz="UTC").isoformat(), trials=trials, tried=plan.tried,
    )  # fmt: skip
    path = RECORDS / record.name
    write_json(path, record.plain())
    return path


def _changes(plan: SweepPlan, lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What each configuration has other than the run: what params.yaml now says, and what it sets itself."""
    said = present_params(ROOT, lock)
    present = {key: value for key, value in said.items() if key.startswith(OF_ACCOUNTS)}
    for condition in plan.conditions:
        given = dict(zip(plan.given_keys, condition, strict=True))
        for choice in plan.choices:
            yield present | given | dict(zip(plan.keys, choice, strict=True))
