"""What all training stages share: every fold of one network, from feature tables to predictions."""

import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.definitions import Definition
from tapeline.errors import SplitError
from tapeline.models.network import NetworkEntry
from tapeline.models.start import Start, find_start, require_same
from tapeline.nets.checkpoints import CHECKPOINTS, inputs_key
from tapeline.nets.devices import precision_advice
from tapeline.nets.folds import FoldRows, TrainingTable
from tapeline.nets.loading import load_model
from tapeline.nets.network import Network
from tapeline.nets.params import TrainParams
from tapeline.nets.rotation import group_columns
from tapeline.nets.skill import no_skill
from tapeline.nets.windows import has_context
from tapeline.params import Params, Section
from tapeline.row_records import BUNDLE
from tapeline.schema import DIRECTION, INTERVAL_MINUTES, KEYS, FilledShare, Horizon, Interval, Refit, Symbols
from tapeline.splits.folds import TimeFold, read_folds, scaler_rows, trained_folds
from tapeline.stage import project_folder, run_folder
from tapeline.store.feature_store import FeatureStore
from tapeline.store.matrix import map_matrix
from tapeline.store.tables import is_scorable
from tapeline.training.fold_jobs import Job, Training, begin, train_folds
from tapeline.training.histories import told_in_a_line
from tapeline.training.provenance import FEATURES, SPLITS, provenance
from tapeline.training.starts import begin_folds
from tapeline.training.trained import TrainingOutputs

REFIT = "refit"  # name of the model that is trained on everything, beside fold_0, fold_1...


def train_model(log: logging.Logger, params: Params, model: NetworkEntry) -> None:
    """Train `model` on every fold and write weights, predictions, history and a summary.

    Folds are trained side by side where one does not begin with the weights of another. A training that was
    killed goes on where it was, as long as nothing that decides it has changed.
    """
    plan = plan_training(params, model)
    fabric, device = begin(plan.params)
    if advice := precision_advice(device, plan.params):
        log.warning(advice)
    table = plan.table
    arrays: list[NDArray[Any]] = [table.features, table.labels, table.segment]
    arrays += [part for job in plan.jobs for part in vars(job.rows).values()]
    begun = [job.begun and asdict(job.begun) for job in plan.jobs]
    key = inputs_key(plan.contract | {"device": device.type, "begun": begun}, arrays)
    checkpoints = project_folder() / CHECKPOINTS / model.name / key
    untested = [job.name for job in plan.jobs if job.name != REFIT and not job.rows.test.size]
    for name in untested:
        log.warning("%s: no candle in its test has a whole window up to it, so it has no figures", name)
    if len(untested) + sum(job.name == REFIT for job in plan.jobs) == len(plan.jobs):
        raise SplitError(f"{model.name}: no candle in any test with train.sequence_length candles up to it")
    for line in plan.starts:
        log.info(line)
    if kept := kept_in(checkpoints):
        log.info("goes on from what was ended before: %s", kept)
    training = Training(
        model, plan.architecture, plan.params, table, group_columns(plan.groups), checkpoints, run_folder(),
        network_of(plan.start, plan.jobs, model),
    )  # fmt: skip
    outputs = TrainingOutputs(plan.contract, plan.keys, table, plan.params)
    try:
        for job, trained in zip(plan.jobs, train_folds(training, fabric, device, plan.jobs), strict=True):
            summary = outputs.add(job.name, job.rows, trained, job.begun)
            if fabric.is_global_zero:
                log.info("%s: %s", job.name.replace("_", " "), told_in_a_line(summary))
                if told := no_skill(summary):
                    log.warning("%s: %s", job.name.replace("_", " "), told)
    except KeyboardInterrupt:
        kept = kept_in(checkpoints)
        raise KeyboardInterrupt(f"{kept}: run again to go on" if kept else "") from None
    if fabric.is_global_zero:
        outputs.write()
        shutil.rmtree(checkpoints, ignore_errors=True)


def kept_in(checkpoints: Path) -> str:
    """How many folds have a checkpoint there, in words; empty where none has."""
    n_folds = len({re.split("[.-]", path.name)[0] for path in checkpoints.glob("*.pt")})
    said = "1 fold begun or done is" if n_folds == 1 else f"{n_folds} folds begun or done are"
    return f"{said} kept in {checkpoints}" if n_folds else ""


@dataclass(frozen=True)
class TrainingPlan:
    """All that a training begins with.

    architecture : its section of params.yaml; groups : group of each feature, in the table's order
    contract : what a model's JSON says beside its context; keys : of all rows of the table
    start : bundle that folds may begin with; starts : a line of each fold that is to begin with other weights
    """

    architecture: Section
    params: TrainParams
    groups: dict[str, str]
    contract: dict[str, Any]
    keys: pd.DataFrame
    table: TrainingTable
    jobs: tuple[Job, ...]
    start: Start | None
    starts: tuple[str, ...]


def plan_training(params: Params, model: NetworkEntry) -> TrainingPlan:
    """Read params, feature tables and folds, and say what is to be trained on what."""
    architecture = model.read(params)
    train = model.adapt(params.section("train", TrainParams), architecture)
    groups = FeatureStore(FEATURES).schema(params.value("data.symbols", Symbols)[0]).groups
    keys, table, folds = read_training(params, train, model.label, list(groups))
    contract = {
        "network": model.name,
        "architecture": architecture.model_dump(),
        "features": list(groups),
        "label": model.label,
        "horizon": table.horizon,
        "interval": params.value("data.interval", Interval),
        "training": train.recipe(),
        "made_from": provenance(params.value("data.symbols", Symbols), code_of(model)),
    }
    names = [f"fold_{k}" for k in range(len(folds))]
    if params.value("promotion.refit", Refit) == "all":
        names[-1] = REFIT
    start = find_start(train.start_from, model.artifact)
    if start:
        require_same(
            start, model, architecture, train, table.horizon, contract["interval"], contract["features"]
        )
    begun, starts = begin_folds(names, time_folds(params, keys["timestamp"]), start, train.warm_start)
    if not start and Path(train.start_from).is_dir():
        starts = [f"{train.start_from}: holds no {model.artifact} to begin with", *starts]
    jobs = tuple(Job(k, *each) for k, each in enumerate(zip(names, folds, begun, strict=True)))
    return TrainingPlan(architecture, train, groups, contract, keys, table, jobs, start, tuple(starts))


def network_of(start: Start | None, jobs: Sequence[Job], model: NetworkEntry) -> Network | None:
    """The network of the bundle `start`, on the CPU; None where none of `jobs` begins with it."""
    if start is None or not any(job.begun and job.begun.of == BUNDLE for job in jobs):
        return None
    return load_model(start.folder, model.build_described).net


def time_folds(params: Params, timestamp: pd.Series) -> list[TimeFold]:
    """The folds that are trained, as times; `timestamp` holds open times of all candles."""
    is_refit = params.value("promotion.refit", Refit) == "all"
    minutes = INTERVAL_MINUTES[params.value("data.interval", Interval)]
    return trained_folds(read_folds(SPLITS), is_refit, timestamp, minutes)


def code_of(model: NetworkEntry) -> list[Definition]:
    """What a training of `model` runs."""
    entry = f"tapeline.models.{model.name}", model.name.upper()
    return [(__name__, train_model.__name__), entry]


def read_training(
    params: Params, train: TrainParams, label: str, features: list[str]
) -> tuple[pd.DataFrame, TrainingTable, list[FoldRows]]:
    """Read what a training needs: keys of all rows, the training table, rows of each fold."""
    symbols = params.value("data.symbols", Symbols)
    max_filled_share = params.value("data.max_filled_share", FilledShare)
    store = FeatureStore(FEATURES)
    keys = store.read(symbols, columns=[*KEYS, label])
    table = TrainingTable(
        features=map_matrix(store, symbols, features, run_folder()),
        labels=keys[label].to_numpy(),
        symbol=np.asarray(keys["symbol"].cat.codes.to_numpy(), dtype=np.int64),
        segment=np.asarray(keys.groupby(["symbol", "segment"], observed=True).ngroup(), dtype=np.int64),
        day=keys["timestamp"].to_numpy("datetime64[D]").astype(np.int64),
        horizon=params.value("labels.horizon", Horizon),
        is_direction=label == DIRECTION,
    )
    filled, length, has_label = (
        keys["is_filled"].to_numpy(),
        train.sequence_length,
        is_scorable(keys, label),
    )
    trainable = has_context(table.segment, filled, length, train.minimum_context, max_filled_share)
    predictable = has_context(table.segment, filled, length, length, max_filled_share)
    folds = [
        fold_rows(fold, keys["timestamp"], trainable & has_label, predictable, has_label)
        for fold in time_folds(params, keys["timestamp"])
    ]
    return keys, table, folds


def fold_rows(
    fold: TimeFold,
    timestamp: pd.Series,
    trainable: np.ndarray,
    predictable: np.ndarray,
    has_label: np.ndarray,
) -> FoldRows:
    """Row positions of a fold; a test row needs a whole window, one of validation a label as well."""
    train, validation, test = (fold.mask(timestamp, part) for part in ("train", "validation", "test"))
    return FoldRows(
        part=scaler_rows(fold, timestamp),
        train=np.flatnonzero(train & trainable),
        validation=np.flatnonzero(validation & predictable & has_label),
        test=np.flatnonzero(test & predictable),
    )
