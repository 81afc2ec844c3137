"""What a search came to: the best trial beside that of the present params, and the record of all of them."""

import json
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState

from tapeline.nets.days import Estimate, estimate
from tapeline.outputs import write_json
from tapeline.promotion.selection import RECORDS, TunedTrial, TuningRecord
from tapeline.tuning.plan import TuningPlan, Values
from tapeline.tuning.study import WHY, finished, present_trial, values_of
from tapeline.tuning.trial import Days


@dataclass(frozen=True)
class Outcome:
    """The best complete trial and that of the present params, by mean log loss on inner tests.

    numbers : of both, among the finished trials; scores : of both; lead : what the best takes off the
    present's, paired by day; finished : trials, pruned ones too
    """

    numbers: tuple[int, int]
    best: FrozenTrial
    scores: tuple[Estimate, Estimate]
    lead: Estimate
    finished: int

    @property
    def is_present_best(self) -> bool:
        """Whether nothing that was tried is better than the present params."""
        return self.numbers[0] == self.numbers[1]

    @property
    def line(self) -> str:
        """The command that runs the pipeline with the best params."""
        return experiment_line(values_of(self.best))

    @property
    def lines(self) -> list[str]:
        """What a person should know, the command last."""
        best, present = (
            f"trial {number}: log loss {interval(score)}"
            for number, score in zip(self.numbers, self.scores, strict=True)
        )
        if self.is_present_best:
            told = [f"none of {self.finished} is better"]
        else:
            told = [
                f"best of {self.finished}, {best}",
                f"it takes off {interval(self.lead)}, paired by UTC day, of {self.lead.days}; "
                "the best of many is flattered by the choice",
            ]
        return [f"present params, {present}", *told, self.line]


def outcome(study: optuna.Study, plan: TuningPlan) -> Outcome:
    """The outcome of a study in which the present params' trial is complete."""
    trials = finished(study)
    present = present_trial(study, plan)
    if present is None or present.state != TrialState.COMPLETE:
        raise AssertionError(
            "the trial of the present params is never pruned, and ends the search if it fails"
        )
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    best = min(complete, key=lambda trial: (trial.value, trial.number))
    numbers = [trial.number for trial in trials]
    ours, theirs = days_of(best), days_of(present)
    return Outcome(
        (numbers.index(best.number), numbers.index(present.number)),
        best,
        (over_days(ours), over_days(theirs)),
        over_days(theirs, ours),
        len(trials),
    )


def days_of(trial: FrozenTrial) -> Days:
    """By UTC day the sum of log losses, and the rows, of a complete trial."""
    return {day: (float(total), int(rows)) for day, (total, rows) in trial.user_attrs["days"].items()}


def over_days(days: Days, less: Days | None = None) -> Estimate:
    """Mean log loss, or what it is more than that of `less` on the same rows; its chance is that of days."""
    sums = np.array([total for total, _ in days.values()])
    rows = np.array([n for _, n in days.values()], dtype=np.float64)
    if less is not None:
        sums = sums - np.array([less[day][0] for day in days])
    value = float(sums.sum() / rows.sum())
    if len(rows) == 1:
        return estimate(value, np.zeros(1))
    return estimate(value, (sums.sum() - sums) / (rows.sum() - rows))


def interval(found: Estimate) -> str:
    """An estimate with its interval, as text."""
    low, high = found.ends
    ends = "no interval of one day" if low is None else f"{low:.3g}, {high:.3g}"
    return f"{found.value:.6g} [{ends}]" if abs(found.value) > 0.1 else f"{found.value:.2g} [{ends}]"


def experiment_line(values: Values) -> str:
    """`dvc exp run` with `values` of params, as a shell takes it."""
    settings = (f"-S {key}={json.dumps(value).strip(chr(34))}" for key, value in sorted(values.items()))
    return f"dvc exp run {' '.join(settings)}"


def record_of(study: optuna.Study, plan: TuningPlan) -> TuningRecord:
    """All finished trials of a study, and what any can have seen."""
    trials = tuple(
        TunedTrial(
            number=number, params=values_of(trial), why=trial.user_attrs.get(WHY),
            score=trial.value if trial.state == TrialState.COMPLETE else None,
        )
        for number, trial in enumerate(finished(study))
    )  # fmt: skip
    first, last = plan.scored
    return TuningRecord(
        network=plan.model.name, study=plan.key, market=plan.market,
        scored=(f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"), last_candle=plan.last_candle.isoformat(),
        first_test=plan.first_test.isoformat(), trials=trials,
    )  # fmt: skip


def write_record(study: optuna.Study, plan: TuningPlan) -> TuningRecord:
    """Write the record of a study into the project, to be committed, and return it."""
    record = record_of(study, plan)
    write_json(RECORDS / record.name, record.plain())
    return record
