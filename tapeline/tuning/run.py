"""`make tune` from params to page: what was asked for, its progress, and what is left of it."""

from collections.abc import Callable

import optuna
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from tapeline.errors import ArgumentError
from tapeline.models.ranges import TuneParams
from tapeline.params import Params
from tapeline.reports.pages import figure
from tapeline.tuning.outcome import outcome, write_record
from tapeline.tuning.page import write_tuning_page
from tapeline.tuning.plan import TuningPlan, network_of, plan_tuning
from tapeline.tuning.study import WHY, finished, folder_of, search, values_of

Tell = Callable[[str], None]


def read_tune(params: Params, trials: str, network: str) -> TuneParams:
    """Section `tune` with TRIALS and NETWORK of the command line, where they are given."""
    tune = params.section("tune", TuneParams)
    changes: dict[str, object] = {}
    if network:
        changes["network"] = network_of(network).name
    if trials:
        if not (trials.isascii() and trials.isdigit() and 0 < int(trials) <= 100_000):
            raise ArgumentError(f"TRIALS is {trials!r}: must be a whole number from 1 to 100000")
        changes["trials"] = int(trials)
    return tune.model_copy(update=changes)


def run_search(params: Params, tune: TuneParams, tell: Tell) -> list[str]:
    """Search, and leave page and record; return the lines to end with, the best as a command the last."""
    plan = plan_tuning(params, tune)
    for line in opening(plan):
        tell(line)
    with tqdm(total=tune.trials, desc="trials", unit="trial", disable=None, leave=False) as bar:
        told: set[int] = set()

        def on_trial(study: optuna.Study) -> None:
            write_record(study, plan)
            for trial in finished(study):
                if trial.number not in told:
                    told.add(trial.number)
                    bar.update()
                    if bar.disable:
                        tell(f"{len(told)} of {tune.trials}: {told_of(trial)}")

        study = search(plan, folder_of(plan), on_trial)
    found = outcome(study, plan)
    record = write_record(study, plan)
    page = write_tuning_page(study, plan, found, record)
    return [f"written: {page}, tuning/{record.name} (commit it: a promotion reads it)", *found.lines]


def opening(plan: TuningPlan) -> list[str]:
    """What is searched on what, said before anything runs."""
    first, last = plan.scored
    return [
        f"{plan.model.title}: {', '.join(plan.ranges)}",
        f"{len(plan.folds)} inner folds, scored on {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M}; the last "
        f"candle seen is {plan.last_candle:%Y-%m-%d %H:%M}, the first reported test begins "
        f"{plan.first_test:%Y-%m-%d %H:%M}",
        f"study {folder_of(plan)}: killed, the same command goes on with it",
    ]


def told_of(trial: FrozenTrial) -> str:
    """A finished trial on a line."""
    values = [f"{key} {figure(value)}" for key, value in values_of(trial).items()]
    is_complete = trial.state == TrialState.COMPLETE
    came = f"log loss {trial.value:.6f}" if is_complete else trial.user_attrs.get(WHY, "pruned")
    return f"{came}; {', '.join(values)}"
