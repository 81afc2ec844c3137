"""A search's trials in Optuna's journal: begun, killed, gone on with, several at once, each counted once."""

import fcntl
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from tapeline.errors import ArtifactError, ParamsError
from tapeline.models.ranges import Choices, Range
from tapeline.nets.devices import make_fabric
from tapeline.parallel import in_processes
from tapeline.tuning.plan import TuningPlan, Values
from tapeline.tuning.trial import run_trial

STUDIES = Path(".tuning")  # git-ignored
FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)  # that count
NAME = "study"  # of the one in each journal
WHY = "why"  # attribute of a trial that was ended early: for what reason
SECONDS_TO_END = 5.0  # that the processes of a killed search may take to notice


def folder_of(plan: TuningPlan) -> Path:
    """Where the journal of this very search lies."""
    return STUDIES / f"{plan.model.name}-{plan.key}"


def search(plan: TuningPlan, folder: Path, on_trial: Callable[[optuna.Study], None]) -> optuna.Study:
    """Run trials until `tune.trials` are finished, those of an earlier run counted; return the study.

    `on_trial` is called before the first and after each. A trial that a kill has interrupted is tried again
    with the same params. Trials run in `tune.workers` processes, one after the other on a GPU. ArtifactError
    where another process is at work on the same search.
    """
    with alone(folder) as journal:
        study = open_study(plan, journal)
        resume(study, plan)
        on_trial(study)
        present = present_trial(study, plan)
        n_missing = max(
            plan.tune.trials - len(finished(study)), int(not (present and present.state in FINISHED))
        )
        missing = range(max(0, n_missing))
        on_cpu = make_fabric(plan.sections(plan.present)[1]).device.type == "cpu"
        workers = plan.tune.workers if on_cpu else 1
        for _ in in_processes(Worker(plan, journal, min(workers, len(missing))), missing, workers):
            on_trial(study)
    return study


def finished(study: optuna.Study) -> list[FrozenTrial]:
    """Trials that came to an end, pruned ones too."""
    return study.get_trials(deepcopy=False, states=FINISHED)


@contextmanager
def alone(folder: Path) -> Iterator[Path]:
    """Yield the journal in `folder`, mended after a kill, while nobody else is at work on it."""
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / "journal.log"
    until = time.monotonic() + SECONDS_TO_END
    with (folder / "lock").open("w") as ours:
        with at_work(journal) as theirs:
            for file in (ours, theirs):
                while not _locked(file):
                    if time.monotonic() > until:
                        told = "another `make tune` is at work on this search; wait for it"
                        raise ArtifactError(f"{folder}: {told}")
                    time.sleep(0.1)
            mend(journal)
        yield journal


@contextmanager
def at_work(journal: Path) -> Iterator[IO[str]]:
    """Hold what tells that a process may write the journal: one of a killed search lives on for a moment."""
    with (journal.parent / "workers").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file


def mend(journal: Path) -> None:
    """Take away what a kill may leave: half a line at the end, and the locks that Optuna writes by."""
    for left in journal.parent.glob(f"{journal.name}.lock*"):
        left.unlink(missing_ok=True)
    if journal.is_file():
        text = journal.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if whole != text:
            with journal.open("r+b") as file:
                file.truncate(len(whole))


def open_study(plan: TuningPlan, journal: Path) -> optuna.Study:
    """The study in `journal`, made where there is none, with the pruner of the plan."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(journal)))
    return optuna.create_study(
        storage=storage, study_name=NAME, load_if_exists=True, direction="minimize", pruner=_pruner(plan)
    )


def _pruner(plan: TuningPlan) -> optuna.pruners.BasePruner:
    if plan.tune.pruner == "none":
        return optuna.pruners.NopPruner()
    # No trial ends after its first epoch, while the learning rate still rises.
    return optuna.pruners.MedianPruner(n_startup_trials=plan.tune.unpruned, n_warmup_steps=2)


def resume(study: optuna.Study, plan: TuningPlan) -> None:
    """Fail trials that a kill has interrupted and queue them anew; have the present params tried first."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
        values = _drawn(trial)
        if set(values) == set(plan.ranges):  # else it was interrupted while these were chosen
            study.enqueue_trial(values)
    if present_trial(study, plan) is None:
        study.enqueue_trial(plan.present)


def present_trial(study: optuna.Study, plan: TuningPlan) -> FrozenTrial | None:
    """The trial of the present params, finished or to come; the first where there are several."""
    for trial in study.get_trials(deepcopy=False):
        if trial.state != TrialState.FAIL and values_of(trial) == plan.present:
            return trial
    return None


def values_of(trial: FrozenTrial) -> Values:
    """The params of a trial, of one that is still to come too, as it trains with them and they are told."""
    return written(_drawn(trial))


def _drawn(trial: FrozenTrial) -> Values:
    queued: Values = trial.system_attrs.get("fixed_params", {})
    return queued | trial.params


def written(values: Values) -> Values:
    """`values` as people write them: 0.3, not 0.30000000000000004."""
    return {
        key: float(f"{value:.12g}") if isinstance(value, float) else value
        for key, value in sorted(values.items())
    }


@dataclass(frozen=True)
class Worker:
    """Runs trials of a study, called in any process with the number of a trial that is still missing."""

    plan: TuningPlan
    journal: Path
    workers: int

    def __call__(self, job: int) -> None:
        """Choose params, train with them, and write what came of it into the journal."""
        with at_work(self.journal):
            self._run(job)

    def _run(self, job: int) -> None:
        plan = self.plan
        study = open_study(plan, self.journal)
        slot = job % self.workers if self.workers > 1 else 0
        study.sampler = optuna.samplers.TPESampler(seed=_seed(plan, study, slot))
        trial = study.ask({key: distribution(values, plan, key) for key, values in plan.ranges.items()})
        values = written(trial.params)
        is_present = values == plan.present
        title = f"{plan.model.name} trial {trial.number}"
        try:
            scored = run_trial(plan, values, _reporter(trial, not is_present), title, 1 + slot)
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except ParamsError as error:
            if is_present:
                study.tell(trial, state=TrialState.FAIL)
                raise
            trial.set_user_attr(WHY, str(error))
            study.tell(trial, state=TrialState.PRUNED)
        else:
            for name, value in vars(scored).items():
                trial.set_user_attr(name, value)
            study.tell(trial, scored.score)


def _seed(plan: TuningPlan, study: optuna.Study, slot: int) -> int:
    """Seed of what a trial draws: by the trials before it alone, so that a resumed search draws the same."""
    before = [trial for trial in study.get_trials(deepcopy=False) if trial.state != TrialState.FAIL]
    return int(np.random.SeedSequence([plan.tune.seed, len(before), slot]).generate_state(1)[0])


def _reporter(trial: optuna.Trial, may_prune: bool) -> Callable[[int, float], None]:
    def report(step: int, value: float) -> None:
        trial.report(value, step)
        if may_prune and trial.should_prune():
            raise optuna.TrialPruned

    return report


def distribution(values: Range | Choices, plan: TuningPlan, key: str) -> BaseDistribution:
    """What Optuna draws the param `key` from; whole numbers where its present value is one."""
    if not isinstance(values, Range):
        return CategoricalDistribution(values)
    if isinstance(plan.present[key], int):
        step = 1 if values.step is None else int(values.step)
        return IntDistribution(int(values.low), int(values.high), log=values.log, step=step)
    return FloatDistribution(float(values.low), float(values.high), log=values.log, step=values.step)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
