"""The baselines of every fold: fitted, chosen on the fold's own validation, stored and let predict."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from tapeline.baselines.boosting import constant_trees
from tapeline.baselines.boosting_fit import fit_boosting
from tapeline.baselines.kinds import BOOSTING, KINDS, file_name
from tapeline.baselines.linear import constant_linear
from tapeline.baselines.linear_fit import fit_linear
from tapeline.baselines.losses import Grid, Labelled, loss_name, mean_loss
from tapeline.baselines.params import BaselineParams
from tapeline.baselines.stored import Baseline, load_baseline, save_baseline
from tapeline.errors import SplitError
from tapeline.nets.scaler import Scaler, fit_scaler
from tapeline.outputs import read_json, whole_folder, write_json, write_table
from tapeline.parallel import side_by_side
from tapeline.params import Params
from tapeline.schema import Workers
from tapeline.training.baseline_plan import BaselineJob, BaselinePlan, plan_baselines
from tapeline.training.offered_baselines import (
    OfferedFold,
    predict_offered,
    predict_parts,
    prediction_tables,
    scaler_of,
    write_offered,
)

MODELS, SUMMARY = Path("models/baselines"), Path("metrics/detail/baselines_training.json")


@dataclass(frozen=True)
class Fitted:
    """A baseline of one fold: what was chosen of its grid, and what it says of test and validation."""

    scaler: Scaler
    model: Baseline
    grid: Grid
    best: int
    predictions: dict[str, NDArray[np.float64]]

    @property
    def chosen(self) -> dict[str, Any]:
        """The hyperparameters."""
        return {name: value for name, value in self.grid[self.best].items() if name != "validation_loss"}


@dataclass(frozen=True)
class Fitting:
    """What every baseline is fitted from; `labels` (N,) by name, `scalers` by fold."""

    features: NDArray[np.float32]
    labels: dict[str, NDArray[np.float64]]
    scalers: dict[str, Scaler]
    params: BaselineParams

    def fit(self, job: BaselineJob) -> Fitted:
        """Fit one baseline on its fold's training rows, and choose on the fold's validation."""
        scaler, rows = self.scalers[job.fold], job.rows
        train, validation = (
            Labelled(scaler.transform(self.features[of]), self.labels[job.label][of])
            for of in (rows.train, rows.validation)
        )
        with threadpool_limits(1):  # threads that wait for each other spin; and sums hang on their number
            model, grid, best = fit_baseline(job, train, validation, self.params)
        return Fitted(scaler, model, grid, best, predict_parts(model, scaler, self.features, job))


def fit_baseline(
    job: BaselineJob, train: Labelled, validation: Labelled, params: BaselineParams
) -> tuple[Baseline, Grid, int]:
    """The model, its grid and its place there; where all labels are one there is nothing to choose from."""
    if np.ptp(train.y) == 0:
        share = (train.y.sum() + 1) / (train.y.size + 2)  # never certain (Laplace's rule of succession)
        if job.kind == BOOSTING:
            model: Baseline = constant_trees(job.label, share)
        else:
            model = constant_linear(job.label, share, train.x.shape[1])
        loss = mean_loss(job.label, model.predict(validation.x), validation.y)
        return model, [{"constant": share, "validation_loss": loss}], 0
    if job.kind == BOOSTING:
        return fit_boosting(job.label, train, validation, params)
    return fit_linear(job.label, train, validation, params.strengths)


def train_baselines(log: logging.Logger, params: Params) -> None:
    """Fit all baselines of every fold, and write models, predictions and a summary.

    Side by side in processes of one thread each: the same bytes for any number of them.
    """
    plan = plan_baselines(params)
    if not any(job.rows.test.size for job in plan.jobs):
        raise SplitError("baselines: no candle in any test with train.sequence_length candles up to it")
    labels = {label: plan.keys[label].to_numpy() for label in KINDS}
    fitting = Fitting(plan.features, labels, fit_scalers(plan), plan.params)
    # Those that take longest begin first.
    order = sorted(plan.jobs, key=lambda job: job.kind != BOOSTING)
    found = side_by_side(fitting.fit, order, params.value("train.workers", Workers))
    with tqdm(found, desc="baselines", total=len(order), disable=None, leave=False) as bar:
        fitted = {(job.fold, job.name): each for job, each in zip(order, bar, strict=True)}
    for line in write_baselines(plan, [fitted[job.fold, job.name] for job in plan.jobs]):
        log.info(line)


def fit_scalers(plan: BaselinePlan) -> dict[str, Scaler]:
    """By fold, fitted on all rows of its training part."""
    parts = {job.fold: job.rows.part for job in plan.jobs}
    return {fold: fit_scaler(plan.features, part) for fold, part in parts.items()}


def write_baselines(plan: BaselinePlan, fitted: list[Fitted]) -> list[str]:
    """Write everything whole; `fitted` is in the order of the plan's jobs. Return a line a baseline."""
    summary: dict[str, dict[str, Any]] = {"folds": {}, "best": {}, "grids": {}, "rows": {}}
    lines, records = [], []
    with whole_folder(MODELS) as folder:
        for job, each in zip(plan.jobs, fitted, strict=True):
            record = model_record(plan, job, each)
            records.append(record)
            save_baseline(folder / job.name / job.fold, each.model, record)
            figures = fold_figures(job, each)
            summary["folds"].setdefault(job.fold, {})[job.name] = figures
            summary["grids"].setdefault(job.fold, {})[job.name] = each.grid
            summary["rows"].setdefault(job.fold, {})[job.label] = plan.record_rows(job).plain()
            lines.append(f"{job.fold.replace('_', ' ')} {job.name.replace('_', ' ')}: {chosen(figures)}")
    summary["best"] = {fold: best_kinds(figures) for fold, figures in summary["folds"].items()}
    write_predictions(plan, [each.predictions for each in fitted])
    offered = [
        OfferedFold(job, each.model, record, each.predictions)
        for job, each, record in zip(plan.jobs, fitted, records, strict=True)
        if summary["best"][job.fold][job.label] == job.kind
    ]
    write_offered(plan, offered)
    write_json(SUMMARY, summary)
    return lines


def best_kinds(figures: dict[str, dict[str, Any]]) -> dict[str, str]:
    """By label the kind that loses least on the fold's validation; `figures` are by a baseline's name."""
    losses = {name: of["validation_loss"] for name, of in figures.items()}
    return {
        label: kinds[int(np.argmin([losses[file_name(label, kind)] for kind in kinds]))]
        for label, kinds in KINDS.items()
    }


def chosen(figures: dict[str, Any]) -> str:
    """A fold's figures in a line of the log: what was chosen on validation, and its loss there."""
    counts = ("validation_loss", "loss", "train_rows", "validation_rows", "test_rows")
    own = {key.replace("_", " "): value for key, value in figures.items() if key not in counts}
    settings = ", ".join(f"{key} {value:g}" for key, value in own.items())
    loss = f"{figures['loss'].replace('_', ' ')} on validation {figures['validation_loss']:.4f}"
    return f"{loss} with {settings}; learned from {figures['train_rows']:,} rows"


def model_record(plan: BaselinePlan, job: BaselineJob, each: Fitted) -> dict[str, Any]:
    """What a model's JSON says; `place` is that of what was chosen in the grid of the summary."""
    scaler = {"mean": each.scaler.mean.tolist(), "std": each.scaler.std.tolist()}
    own = {"kind": job.kind, "label": job.label, "chosen": each.chosen, "place": each.best}
    return own | plan.contract | {"span": plan.span(job), "scaler": scaler}


def fold_figures(job: BaselineJob, each: Fitted) -> dict[str, Any]:
    """What was chosen, its loss on validation, and how many rows there were."""
    rows = {f"{part}_rows": getattr(job.rows, part).size for part in ("train", "validation", "test")}
    loss = {"validation_loss": each.grid[each.best]["validation_loss"], "loss": loss_name(job.label)}
    return each.chosen | loss | rows


def write_predictions(plan: BaselinePlan, predictions: list[dict[str, NDArray[np.float64]]]) -> None:
    """Write a table a baseline and part, as those of the networks are; in the order of the plan's jobs."""
    by_name: dict[str, list[tuple[BaselineJob, dict[str, NDArray[np.float64]]]]] = {}
    for job, parts in zip(plan.jobs, predictions, strict=True):
        by_name.setdefault(job.name, []).append((job, parts))
    with whole_folder("data/predictions/baselines") as folder:
        for name, folds in by_name.items():
            for suffix, table in prediction_tables(plan, folds).items():
                write_table(folder / f"{name}{suffix}.parquet", table)


def retrace_baselines(params: Params, given: Path) -> None:
    """Write what the stage wrote, into the current folder, with the models of `given` as they are.

    given : folder of the project that holds them. Scalers, predictions, the chosen model's loss and rows are
    computed as the stage does; what only the fitting can say, the losses of models that were not kept, is as
    its summary has it.
    """
    plan = plan_baselines(params)
    scalers, grids = fit_scalers(plan), read_json(given / SUMMARY)["grids"]
    fitted = []
    for job in plan.jobs:
        model, record = load_baseline(given / MODELS / job.name / job.fold)
        scaler, grid = scalers[job.fold], [dict(fit) for fit in grids[job.fold][job.name]]
        predictions = predict_parts(model, scaler, plan.features, job)
        labels = plan.keys[job.label].to_numpy()[job.rows.validation]
        grid[record["place"]]["validation_loss"] = mean_loss(job.label, predictions["validation"], labels)
        fitted.append(Fitted(scaler, model, grid, record["place"], predictions))
    write_baselines(plan, fitted)


def predict_baselines(params: Params) -> None:
    """Write what the stored models of the current folder, those offered too, say of validation and test."""
    plan = plan_baselines(params)
    write_predictions(plan, list(_predicted(plan)))
    predict_offered(plan)


def _predicted(plan: BaselinePlan) -> Iterable[dict[str, NDArray[np.float64]]]:
    for job in plan.jobs:
        model, record = load_baseline(MODELS / job.name / job.fold)
        yield predict_parts(model, scaler_of(record), plan.features, job)
