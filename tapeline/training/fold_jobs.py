"""The folds of one network as jobs for whoever does them; on a cluster each of its networks is one, too."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from lightning_fabric import Fabric

from tapeline.cluster.session import scheduler_address
from tapeline.models.network import NetworkEntry
from tapeline.nets.devices import make_fabric
from tapeline.nets.ensemble import members_of
from tapeline.nets.folds import FoldRows, TrainingTable, run_fold
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.tracking import EventFiles, member_folders
from tapeline.parallel import NOTHING, side_by_side
from tapeline.params import Section
from tapeline.row_records import BUNDLE
from tapeline.training.starts import Begun
from tapeline.training.trained import TrainedFold, trained_fold

GPU = {"GPU": 1.0}  # of a worker's resources, by the name that Dask's own GPU workers give it


@dataclass(frozen=True)
class Job:
    """One fold to train: its position, its name, its rows, and the weights that it begins with, if any."""

    position: int
    name: str
    rows: FoldRows
    begun: Begun | None = None

    def __str__(self) -> str:
        """As messages call it."""
        return self.name


@dataclass(frozen=True)
class Member:
    """One of the networks that a fold's model is the mean of, from 0."""

    job: Job
    number: int

    def __str__(self) -> str:
        """As messages call it."""
        return f"{self.job} member {self.number}"


@dataclass(frozen=True)
class Training:
    """What every fold of a training shares.

    columns : those of each group of features; start : network of the bundle that folds may begin with
    """

    model: NetworkEntry
    architecture: Section
    params: TrainParams
    table: TrainingTable
    columns: dict[str, list[int]]
    checkpoints: Path
    events: Path
    start: Network | None = None

    def fold(self, job: Job, fabric: Fabric | None = None, before: Network | None = None) -> TrainedFold:
        """Train one fold; `before` is the network of the fold before, where it may begin with that."""
        fabric = fabric or make_fabric(self.params)
        start = self._start_of(job, before)
        make_net = self._network()
        folder = self.events / self.model.name / job.name
        with EventFiles(folder, self.params.seeds, fabric.is_global_zero) as events:
            result = run_fold(
                fabric, make_net, self.table, job.rows, self.params, f"{self.model.name} {job.name}",
                self.checkpoints / f"{job.name}.pt", events.write, job.position, start,
            )  # fmt: skip
        return trained_fold(result, job.rows, self.table, self.columns, self.params)

    def member(self, member: Member) -> None:
        """Train one member up to its checkpoint, which `fold` takes up as if it had trained it itself."""
        name, k, n = member.job.name, member.number, self.params.seeds
        done = self.checkpoints / f"{name}.{k}.pt"
        if done.exists():
            return
        alone = replace(
            self,
            params=self.params.model_copy(update={"seed": self.params.seed + k, "seeds": 1}),
            events=member_folders(self.events / self.model.name / name, n)[k],
        )
        make_net, own = alone._network(), self.checkpoints / f"{name}-{k}.pt"
        start = self._start_of(member.job)
        first = members_of(start)[k] if start else None
        with EventFiles(alone.events, 1, True) as events:
            run_fold(
                make_fabric(alone.params), make_net, self.table, member.job.rows, alone.params,
                f"{self.model.name} {member}", own, events.write, start=first,
            )  # fmt: skip
        os.replace(own.with_suffix(".0.pt"), done)

    def _start_of(self, job: Job, before: Network | None = None) -> Network | None:
        if job.begun is None:
            return None
        return self.start if job.begun.of == BUNDLE else before

    def _network(self) -> Callable[[], Network]:
        n_features, length = self.table.features.shape[1], self.params.sequence_length
        return partial(self.model.build, n_features, self.architecture, length)


def begin(params: TrainParams) -> tuple[Fabric, torch.device]:
    """Fabric of this process, and the device that folds are trained on: a cluster's GPU need not be here."""
    if params.device == "cuda" and goes_to_cluster(params):
        return make_fabric(params.model_copy(update={"device": "cpu"})), torch.device("cuda")
    fabric = make_fabric(params)
    return fabric, fabric.device


def goes_to_cluster(params: TrainParams) -> bool:
    """Whether folds are tasks of their own on the cluster that the environment names, if it does."""
    return bool(scheduler_address()) and not params.warm_start and params.processes == 1


def train_folds(
    training: Training, fabric: Fabric, device: torch.device, jobs: Sequence[Job]
) -> Iterator[TrainedFold]:
    """Yield every fold in order, trained side by side where nothing forbids it.

    Processes of one thread each use two cores better than one process of two threads, whose idle ones spin
    at barriers. Folds that share a GPU, or several processes, go one after the other. On a cluster each fold
    is a task, and before it each of its networks where there are several; on its GPUs where `device` is one.
    """
    params = training.params
    if goes_to_cluster(params):
        training = replace(training, params=params.model_copy(update={"device": device.type}))
        needs = NOTHING if device.type == "cpu" else GPU
        if params.seeds > 1:
            members = [Member(job, k) for job in jobs for k in range(params.seeds)]
            for _ in side_by_side(training.member, members, params.workers, needs=needs):
                pass
        yield from side_by_side(training.fold, jobs, params.workers, needs=needs)
        return
    if params.warm_start or device.type != "cpu" or fabric.world_size > 1:
        last = None
        for job in jobs:
            trained = training.fold(job, fabric, last)
            last = trained.net if params.warm_start else None
            yield trained
        return
    yield from side_by_side(training.fold, jobs, params.workers)
