"""One trial: the network trained on every inner fold by the one training there is, and its log loss there."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tapeline.losses import log_loss
from tapeline.nets.calibration_fit import PLAIN
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import FoldRows, TrainingTable, by_member, run_fold
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.prediction import as_array
from tapeline.nets.trainer import Epoch
from tapeline.tuning.plan import TuningPlan, Values

Report = Callable[[int, float], None]  # a step, and how good the trial is by then; may raise to end it
Days = dict[str, tuple[float, int]]  # by UTC day: sum of log losses, and rows


@dataclass(frozen=True)
class Scored:
    """What a trial came to.

    days : of the inner tests, which neither training nor early stopping has seen
    validation : least validation loss of each fold, mean of its members; epochs : trained in each, by all
    """

    days: Days
    validation: list[float]
    epochs: list[int]

    @property
    def score(self) -> float:
        """Mean log loss, every row of the inner tests counting the same."""
        sums, rows = zip(*self.days.values(), strict=True)
        return float(sum(sums) / sum(rows))


@dataclass
class Standing:
    """How good a trial is so far: its least validation log loss, less a constant's, mean of folds begun.

    Folds differ in what can be known of them far more than trials do, so a plain loss would tell which fold
    a trial is in. Of a fold it is the mean of the members begun: what averaging them is worth shows in the
    score alone. `epochs` and `seeds` are the most that a member and a fold may have: a step is the same epoch
    of the same member of the same fold in all trials.
    """

    report: Report
    epochs: int
    seeds: int
    gaps: list[dict[int, float]] = field(default_factory=list)  # by fold, of its members
    constant: float = math.nan

    def begin(self, constant: float) -> None:
        """Begin a fold whose labels' mean costs `constant` on its validation."""
        self.constant = constant
        self.gaps.append({})

    def __call__(self, epoch: Epoch) -> None:
        """Take an epoch's figures and report."""
        of_fold, member = self.gaps[-1], epoch["member"]
        gap = epoch["validation_loss"] - self.constant
        of_fold[member] = min(of_fold.get(member, math.inf), gap)
        step = ((len(self.gaps) - 1) * self.seeds + member) * self.epochs + epoch["epoch"]
        self.report(step, fmean(fmean(gaps.values()) for gaps in self.gaps))


def run_trial(plan: TuningPlan, values: Values, report: Report, title: str, line: int = 0) -> Scored:
    """Train with `values` on all inner folds, and score the network of each on its fold's test.

    `report` hears after every epoch how the trial stands. ParamsError where values can't go together or a
    training diverges. Progress stands on the terminal's `line`.
    """
    architecture, train = plan.sections(values)
    fabric, table = make_fabric(train), plan.table
    standing = Standing(report, plan.longest("train.epochs"), plan.longest("train.seeds"))
    make_net = partial(plan.model.build, table.features.shape[1], architecture, train.sequence_length)
    net: Network | None = None
    days: Days = {}
    validation, epochs = [], []
    for k, rows in enumerate(plan.rows(train)):
        start = net if train.warm_start else None
        standing.begin(constant_loss(table, rows, train))
        name = f"{title} inner fold {k}"
        result = run_fold(fabric, make_net, table, rows, train, name, None, standing, line, start)
        net = result.predictor.net
        logits = as_array(result.predictor.logits(rows.test))
        add_days(days, table.day[rows.test], table.calibration_rows(rows.test, logits).losses(PLAIN))
        members = by_member(result.history)
        validation.append(fmean(min(epoch["validation_loss"] for epoch in each) for each in members))
        epochs.append(len(result.history))
    return Scored(dict(sorted(days.items())), validation, epochs)


def constant_loss(table: TrainingTable, rows: FoldRows, train: TrainParams) -> float:
    """Log loss of always saying the mean training label, on the rows that decide when to stop."""
    stopped = table.labels[rows.validation[:: train.validation_stride]]
    return log_loss(np.full(len(stopped), table.labels[rows.train].mean()), stopped)


def add_days(days: Days, day: NDArray[np.int64], losses: NDArray[np.float64]) -> None:
    """Add `losses` (n,) of rows on UTC `day` (n,) to `days`; a day may lie in the tests of two folds."""
    for number in np.unique(day):
        of_day, name = losses[day == number], str(np.datetime64(int(number), "D"))
        total, rows = days.get(name, (0.0, 0))
        days[name] = total + float(of_day.sum()), rows + len(of_day)
