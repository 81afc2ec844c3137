"""What params and groups of features do, one change at a time, on the inner folds of the run's candles.

Each variant is trained as a trial of `make tune` is, on folds that end before the first reported test, and
its log loss on the inner tests is set against that of params.yaml, paired over UTC days. A variant is a list
of changes with commas between: a key of the network's section or of `train` with its value, or a group of
features to leave out. All are scored on the same rows, those with a window of the longest that is tried.
Baselines stand beside the LSTM: with all groups against it, with groups left out against themselves.
`python -m benchmarks.ablations lstm train.weight_decay=0.1 train.seeds=3,train.epochs=6 without=sessions`
"""

import math
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import yaml

from tapeline.baselines.kinds import KINDS
from tapeline.baselines.losses import Labelled
from tapeline.baselines.params import BaselineParams
from tapeline.ending import run_command
from tapeline.errors import ArgumentError, ParamsError
from tapeline.losses import log_losses
from tapeline.models.ranges import TuneParams
from tapeline.nets.scaler import fit_scaler
from tapeline.params import Params, nearest
from tapeline.schema import DIRECTION, Symbols
from tapeline.store.feature_store import FeatureStore
from tapeline.training.baseline_plan import BaselineJob, BaselineRows
from tapeline.training.baselines import fit_baseline
from tapeline.training.provenance import FEATURES
from tapeline.tuning.outcome import interval, over_days
from tapeline.tuning.plan import TuningPlan, Values, plan_tuning
from tapeline.tuning.trial import Days, add_days, run_trial

WITHOUT = "without"
LENGTH = "train.sequence_length"


@dataclass(frozen=True)
class Variant:
    """What is changed: params by dotted key, and groups of features that are left out."""

    text: str = ""
    values: Values = field(default_factory=dict)
    without: tuple[str, ...] = ()


def read_variant(text: str, plan: TuningPlan, groups: Collection[str]) -> Variant:
    """The changes of `text`; ArgumentError says which of them no training of `plan` takes, and why."""
    values: Values = {}
    without = []
    for change in text.split(","):
        key, _, value = change.partition("=")
        section, _, name = key.partition(".")
        keys = [*plan.fixed.get(section, {})]
        if not value:
            raise ArgumentError(f"{text!r}: {change!r} must be KEY=VALUE, or {WITHOUT}=GROUP")
        if key == WITHOUT:
            if value not in groups:
                rule = f"must be one of {', '.join(sorted(groups))}"
                raise ArgumentError(f"{text!r}: no group {value}{nearest(value, groups)}; {rule}")
            without.append(value)
        elif name not in keys:
            rule = f"must be in {' or '.join(plan.fixed)}, which the {plan.model.title} reads"
            raise ArgumentError(f"{text!r}: no key {key}{nearest(name, keys)}; {rule}")
        else:
            values[key] = yaml.safe_load(value)
    if len(set(without)) == len(groups):
        raise ArgumentError(f"{text!r}: leaves no feature")
    try:
        plan.sections(plan.present | values)
    except ParamsError as error:
        raise ArgumentError(f"{text!r}: no training takes it; {error}") from error
    return Variant(text, values, tuple(without))


def with_windows_of(plan: TuningPlan, variants: Sequence[Variant]) -> TuningPlan:
    """The plan whose rows have a window of the longest length that params.yaml or a variant has."""
    lengths = [plan.sections(plan.present | each.values)[1].sequence_length for each in variants]
    longest = max(plan.longest(LENGTH), *lengths, 0)
    return replace(plan, ranges=plan.ranges | {LENGTH: (longest,)})


def narrowed(plan: TuningPlan, variant: Variant, groups: Sequence[str]) -> TuningPlan:
    """The plan without what `variant` leaves out; `groups` has the group of each feature."""
    kept = [i for i, group in enumerate(groups) if group not in variant.without]
    return replace(plan, table=replace(plan.table, features=plan.table.features[:, kept]))


def network_days(plan: TuningPlan, variant: Variant) -> Days:
    """By day the log losses of the network as `variant` has it, on the features of `plan`."""
    values = plan.present | variant.values
    return run_trial(plan, values, lambda step, value: None, variant.text or "present").days


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
    network, *texts = sys.argv[1:] or ["lstm"]
    params = Params.read()
    plan = plan_tuning(params, params.section("tune", TuneParams).model_copy(update={"network": network}))
    groups = list(FeatureStore(FEATURES).schema(params.value("data.symbols", Symbols)[0]).groups.values())
    variants = [read_variant(text, plan, set(groups)) for text in texts]  # before anything is trained
    plan = with_windows_of(plan, variants)
    first, last = plan.scored
    print(f"{plan.market}, {plan.model.title}, {len(plan.folds)} inner folds, ", end="")
    print(f"scored {first:%Y-%m-%d} to {last:%Y-%m-%d}\n")
    print("| variant | log loss | takes off params.yaml's, paired over days | days |\n|---|---|---|---|")
    present = network_days(plan, Variant())
    print_row("params.yaml", present, present)
    baselines = {
        kind: baseline_days(plan, params, kind)
        for kind in (KINDS[DIRECTION] if plan.model.label == DIRECTION else ())
    }
    for kind, days in baselines.items():
        print_row(kind, days, present)
    for variant in variants:
        tried = narrowed(plan, variant, groups)
        print_row(variant.text, network_days(tried, variant), present)
        for kind, days in baselines.items() if variant.without and not variant.values else ():
            print_row(f"{kind}, {variant.text}", baseline_days(tried, params, kind), days)


def print_row(name: str, days: Days, present: Days) -> None:
    """Print a variant's log loss, and what it takes off that of `present`."""
    lead = over_days(present, days)
    print(f"| {name} | {interval(over_days(days))} | {interval(lead)} | {lead.days} |", flush=True)


if __name__ == "__main__":
    run_command(main)
