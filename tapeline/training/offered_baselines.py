"""What is offered of the baselines: of every fold the best on its validation, in files as a network's."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.baselines.stored import Baseline, load_baseline, save_baseline
from tapeline.models.baselines import BASELINES
from tapeline.models.entry import BaselineEntry
from tapeline.nets.rotation import evenly_spaced, parts_by_symbol, rotation
from tapeline.nets.scaler import Scaler
from tapeline.outputs import whole_folder, write_table
from tapeline.schema import ROW_KEYS
from tapeline.training.baseline_plan import BaselineJob, BaselinePlan

PARTS = {"": "test", "_validation": "validation"}  # of predictions, by the end of their file's name
Values = NDArray[np.float64]


@dataclass(frozen=True)
class OfferedFold:
    """The best baseline of one fold: the model, what its JSON says, its predictions by part."""

    job: BaselineJob
    model: Baseline
    record: dict[str, Any]
    predictions: dict[str, Values]


def write_offered(plan: BaselinePlan, offered: Sequence[OfferedFold]) -> None:
    """Write models, predictions and those with a group of features rotated, of each label's entry."""
    for entry in BASELINES:
        folds = [each for each in offered if each.job.label == entry.label]
        with whole_folder(f"models/{entry.name}") as folder:
            for each in folds:
                save_baseline(folder / each.job.fold, each.model, {"network": entry.name} | each.record)
        write_parts(plan, entry, [(each.job, each.predictions) for each in folds])
        shifted = [(each.job, shifted_rows(plan, each)) for each in folds if each.job.rows.test.size]
        tables = [_keys(plan, job, some).assign(**columns) for job, (some, columns) in shifted]
        write_table(f"data/predictions/{entry.name}_shifted.parquet", pd.concat(tables, ignore_index=True))


def write_parts(
    plan: BaselinePlan, entry: BaselineEntry, folds: Sequence[tuple[BaselineJob, dict[str, Values]]]
) -> None:
    """Write the predictions of test and validation, as those of a network are."""
    for suffix, table in prediction_tables(plan, folds).items():
        write_table(f"data/predictions/{entry.name}{suffix}.parquet", table)


def prediction_tables(
    plan: BaselinePlan, folds: Sequence[tuple[BaselineJob, dict[str, Values]]]
) -> dict[str, pd.DataFrame]:
    """By the end of its file's name, the table of each part's predictions; none of a part without rows."""
    tables: dict[str, list[pd.DataFrame]] = {}
    for job, predictions in folds:
        for suffix, part in PARTS.items():
            rows = getattr(job.rows, part)
            if rows.size:
                table = _keys(plan, job, rows).assign(prediction=predictions[part])
                tables.setdefault(suffix, []).append(table)
    return {suffix: pd.concat(parts, ignore_index=True) for suffix, parts in tables.items()}


def shifted_rows(plan: BaselinePlan, each: OfferedFold) -> tuple[NDArray[np.int64], dict[str, Values]]:
    """Some test rows of a fold, and by group predictions with its features rotated in time along the test.

    One candle goes into a prediction, so no other rows than those of the test are touched.
    """
    test = each.job.rows.test
    some = evenly_spaced(test, plan.importance_rows)
    if not some.size:
        return some, {}
    scaled = scaler_of(each.record).transform(plan.features[test])
    at = np.searchsorted(test, some)
    parts = parts_by_symbol(plan.keys["symbol"].cat.codes.to_numpy()[test].astype(np.int64))
    said = {}
    for group, columns in plan.columns.items():
        source = np.arange(test.size)
        for target, taken in rotation(parts, columns, plan.params.seed):
            source[target] = taken
        moved = scaled[at].copy()
        moved[:, columns] = scaled[source[at]][:, columns]
        said[group] = each.model.predict(moved)
    return some, said


def predict_offered(plan: BaselinePlan) -> None:
    """Write what the offered models of the current folder say of validation and test."""
    for entry in BASELINES:
        folds = []
        jobs = {job.fold: job for job in plan.jobs if job.label == entry.label}
        for fold, job in jobs.items():
            model, record = load_baseline(Path(f"models/{entry.name}") / fold)
            folds.append((job, predict_parts(model, scaler_of(record), plan.features, job)))
        write_parts(plan, entry, folds)


def predict_parts(
    model: Baseline, scaler: Scaler, features: NDArray[np.float32], job: BaselineJob
) -> dict[str, Values]:
    """What `model` says of the rows of test and validation."""
    return {
        part: model.predict(scaler.transform(features[getattr(job.rows, part)])) for part in PARTS.values()
    }


def scaler_of(record: dict[str, Any]) -> Scaler:
    """The scaler that a model's JSON holds."""
    return Scaler(*(np.array(record["scaler"][name]) for name in ("mean", "std")))


def _keys(plan: BaselinePlan, job: BaselineJob, rows: NDArray[np.int64]) -> pd.DataFrame:
    return plan.keys.loc[rows, ROW_KEYS].assign(fold=job.position).reset_index(drop=True)
