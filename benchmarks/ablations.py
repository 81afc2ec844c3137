"""What params and groups of features do, one change at a time, on the inner folds of the run's candles.

Each variant is trained as a trial of `make tune` is, on folds that end before the first reported test, and
its log loss on the inner tests is set against that of params.yaml, paired over UTC days. A variant is a list
of changes with commas between: a key of the network's section or of `train` with its value, or a group of
features to leave out. Baselines stand beside the LSTM.
`python -m benchmarks.ablations lstm train.weight_decay=0.1 train.seeds=3,train.epochs=6 without=sessions`
"""

import math
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import yaml

from tapeline.baselines.kinds import KINDS
from tapeline.baselines.losses import Labelled
from tapeline.baselines.params import BaselineParams
from tapeline.losses import log_losses
from tapeline.models.ranges import TuneParams
from tapeline.nets.scaler import fit_scaler
from tapeline.params import Params
from tapeline.schema import DIRECTION, Symbols
from tapeline.store.feature_store import FeatureStore
from tapeline.training.baseline_plan import BaselineJob, BaselineRows
from tapeline.training.baselines import fit_baseline
from tapeline.training.provenance import FEATURES
from tapeline.tuning.outcome import interval, over_days
from tapeline.tuning.plan import TuningPlan, plan_tuning
from tapeline.tuning.trial import Days, add_days, run_trial

WITHOUT = "without"


def read_variant(text: str) -> dict[str, Any]:
    """Changes by key, of `key=value,key=value`; the groups left out under `without`."""
    changes: dict[str, Any] = {WITHOUT: []}
    for change in filter(None, text.split(",")):
        key, value = change.split("=")
        if key == WITHOUT:
            changes[WITHOUT].append(value)
        else:
            changes[key] = yaml.safe_load(value)
    return changes


def narrowed(plan: TuningPlan, params: Params, without: list[str]) -> TuningPlan:
    """The plan with its table less the columns of groups `without`; KeyError names one that is not there."""
    groups = FeatureStore(FEATURES).schema(params.value("data.symbols", Symbols)[0]).groups
    if unknown := set(without) - set(groups.values()):
        raise KeyError(
            f"no group {', '.join(sorted(unknown))} among {', '.join(sorted(set(groups.values())))}"
        )
    kept = [i for i, group in enumerate(groups.values()) if group not in without]
    return replace(plan, table=replace(plan.table, features=plan.table.features[:, kept]))


def network_days(plan: TuningPlan, params: Params, text: str) -> Days:
    """By day the log losses of the network with the changes of a variant."""
    changes = read_variant(text)
    without = changes.pop(WITHOUT)
    values = plan.present | {key: float(each) if "e-" in str(each) else each for key, each in changes.items()}
    return run_trial(
        narrowed(plan, params, without), values, lambda step, value: None, text or "present"
    ).days


def baseline_days(plan: TuningPlan, params: Params, kind: str) -> Days:
    """By day the log losses of a baseline of the direction, on the rows of the network."""
    baselines, table = params.section("baselines", BaselineParams), plan.table
    days: Days = {}
    for k, rows in enumerate(plan.rows(plan.sections(plan.present)[1])):
        scaler = fit_scaler(table.features, rows.part)
        learned = rows.train[:: max(baselines.stride, math.ceil(rows.train.size / baselines.rows))]
        train, validation = (
            Labelled(scaler.transform(table.features[of]), table.labels[of])
            for of in (learned, rows.validation)
        )
        job = BaselineJob(
            k, f"fold_{k}", DIRECTION, kind, BaselineRows(rows.part, learned, rows.validation, rows.test)
        )
        model, _, _ = fit_baseline(job, train, validation, baselines)
        predicted = model.predict(scaler.transform(table.features[rows.test]))
        add_days(days, table.day[rows.test], log_losses(np.asarray(predicted), table.labels[rows.test]))
    return dict(sorted(days.items()))


def main() -> None:
    """Print a row a variant, that of params.yaml first."""
    network, *variants = sys.argv[1:] or ["lstm"]
    params = Params.read()
    plan = plan_tuning(params, params.section("tune", TuneParams).model_copy(update={"network": network}))
    first, last = plan.scored
    print(f"{plan.market}, {plan.model.title}, {len(plan.folds)} inner folds, ", end="")
    print(f"scored {first:%Y-%m-%d} to {last:%Y-%m-%d}\n")
    print("| variant | log loss | takes off params.yaml's, paired over days | days |\n|---|---|---|---|")
    present = network_days(plan, params, "")
    print_row("params.yaml", present, present)
    for kind in KINDS[DIRECTION] if plan.model.label == DIRECTION else ():
        print_row(kind, baseline_days(plan, params, kind), present)
    for text in variants:
        print_row(text, network_days(plan, params, text), present)


def print_row(name: str, days: Days, present: Days) -> None:
    """Print a variant's log loss, and what it takes off that of params.yaml."""
    lead = over_days(present, days)
    print(f"| {name} | {interval(over_days(days))} | {interval(lead)} | {lead.days} |", flush=True)


if __name__ == "__main__":
    main()
