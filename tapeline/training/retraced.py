"""A training's outputs made again with its weights taken as they are: everything that follows from them."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric

from tapeline.models.network import NetworkEntry
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import run_fold
from tapeline.nets.loading import load_model
from tapeline.nets.rotation import group_columns
from tapeline.outputs import read_json
from tapeline.params import Params
from tapeline.training.fold_jobs import Job
from tapeline.training.histories import history_of
from tapeline.training.train import TrainingPlan, plan_training
from tapeline.training.trained import TrainedFold, TrainingOutputs, trained_fold


def retrace(params: Params, model: NetworkEntry, given: Path) -> None:
    """Write what the training of `model` wrote, into the current folder; the course of its losses is none.

    Weights are those of `given`/models/NAME, and what a training alone can say of them (epochs, the best of
    them and its training loss) is as its summary has it. Scaler, calibration, predictions of test and
    validation, those with a group of features permuted, rows, spans and provenance are computed as a training
    does. ArtifactError where a model is not whole.
    """
    plan = plan_training(params, model)
    fabric = make_fabric(plan.params)
    summary = read_json(given / f"metrics/detail/{model.name}_training.json")["folds"]
    outputs = TrainingOutputs(plan.contract, plan.keys, plan.table, plan.params)
    for job in plan.jobs:
        folder = given / f"models/{model.name}/{job.name}"
        trained = retraced_fold(plan, model, job, folder, summary[job.name], fabric)
        outputs.add(job.name, job.rows, trained, job.begun)
    outputs.write()


def retraced_fold(
    plan: TrainingPlan, model: NetworkEntry, job: Job, folder: Path, summary: dict[str, Any], fabric: Fabric
) -> TrainedFold:
    """One fold trained in no epoch from the weights in `folder`; its history as `summary` tells."""
    given = load_model(folder, model.build_described).net
    untrained = plan.params.model_copy(update={"epochs": 0})
    n_features, length = plan.table.features.shape[1], plan.params.sequence_length
    make_net = partial(model.build, n_features, plan.architecture, length)
    title = f"{model.name} {job.name}"
    result = run_fold(fabric, make_net, plan.table, job.rows, untrained, title, start=given)
    result = replace(result, history=history_of(summary))
    return trained_fold(result, job.rows, plan.table, group_columns(plan.groups), plan.params)
