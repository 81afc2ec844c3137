"""Predictions of networks trained on inner folds: made once, and kept for every later sweep on them.

Inner folds are those of `make tune`: their last label and their last position end before the first reported
test, so that what is chosen on them leaves every reported figure out of sample.
"""

import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import ParamsError, SplitError
from tapeline.models.network import NetworkEntry
from tapeline.models.ranges import InnerFolds
from tapeline.models.table import NETWORKS, TRADED
from tapeline.nets.checkpoints import inputs_key
from tapeline.nets.folds import FoldRows
from tapeline.nets.windows import has_context
from tapeline.outputs import write_table
from tapeline.params import Params
from tapeline.schema import INTERVAL_MINUTES, ROW_KEYS, FilledShare, Interval
from tapeline.splits.folds import TimeFold, read_folds
from tapeline.splits.inner import inner_folds
from tapeline.splits.params import SplitParams
from tapeline.store.tables import is_scorable
from tapeline.sweeping.plan import SweepPlan
from tapeline.training.fold_jobs import Job, Training, begin, train_folds
from tapeline.training.provenance import SPLITS
from tapeline.training.starts import begin_folds
from tapeline.training.train import TrainingPlan, fold_rows, network_of, plan_training

Tell = Callable[[str], None]
KEPT = Path(".sweeping")  # git-ignored


def predict_inner(
    params: Params, plan: SweepPlan, tell: Tell
) -> tuple[dict[str, pd.DataFrame], pd.Timestamp]:
    """By network what it predicts on inner folds, and when the first reported test begins.

    Rows of `symbol`, `timestamp`, `fold`, `prediction`, and `part`, validation or test. The network of trend
    strength is trained only where a configuration looks at it.
    """
    names = [TRADED[0].name, *([TRADED[1].name] if plan.asks_for_trend else [])]
    first_test = min(fold.test[0] for fold in read_folds(SPLITS))
    return {
        model.name: _predictions(params, model, plan, tell) for model in NETWORKS if model.name in names
    }, first_test


def inner_spans(params: Params, timestamp: pd.Series, horizon: int, reach: int) -> list[TimeFold]:
    """The inner folds, whose last position is closed, `reach` candles on, before the first reported test."""
    step = pd.Timedelta(minutes=INTERVAL_MINUTES[params.value("data.interval", Interval)])
    splits = params.section("splits", SplitParams).model_copy(
        update={"folds": params.value("tune.folds", InnerFolds)}
    )
    return inner_folds(read_folds(SPLITS), splits, timestamp.min(), step, horizon, reach)


def _predictions(params: Params, model: NetworkEntry, plan: SweepPlan, tell: Tell) -> pd.DataFrame:
    """Read what is kept of `model`, or train it and keep it."""
    training = plan_training(params, model)
    if training.params.processes != 1:
        rule = "must be 1 to sweep: folds are trained side by side instead (train.workers)"
        raise ParamsError("train.processes", training.params.processes, rule)
    spans = inner_spans(params, training.keys["timestamp"], training.table.horizon, plan.reach)
    rows = _rows(params, training, model.label, spans)
    for k, each in enumerate(rows):
        if not each.test.size:
            raise SplitError(
                f"inner fold {k}: no candle in its test with train.sequence_length candles up to it"
            )
    names = [f"inner_{k}" for k in range(len(rows))]
    begun, lines = begin_folds(names, spans, training.start, training.params.warm_start)
    jobs = [Job(k, *each) for k, each in enumerate(zip(names, rows, begun, strict=True))]
    device = begin(training.params)[1].type
    arrays: list[NDArray[Any]] = [training.table.labels]
    arrays += [part for each in rows for part in vars(each).values()]
    own = {
        "folds": [str(span) for span in spans],
        "device": device,
        "begun": [each and asdict(each) for each in begun],
    }
    key = inputs_key(training.contract | own, arrays)[:12]
    folder = KEPT / f"{model.name}-{key}"
    path = folder / "predictions.parquet"
    if path.exists():
        tell(f"{model.title}: predictions of {len(spans)} inner folds are there, in {folder}")
        return pd.read_parquet(path)
    tell(f"{model.title}: training on {len(spans)} inner folds, once; kept in {folder}")
    for line in lines:
        tell(f"{model.title}: {line}")
    write_table(path, _train(model, training, jobs, folder))
    for left in ("checkpoints", "events"):
        shutil.rmtree(folder / left, ignore_errors=True)
    return pd.read_parquet(path)


def _rows(params: Params, training: TrainingPlan, label: str, spans: list[TimeFold]) -> list[FoldRows]:
    """Rows of each inner fold, as a training takes those of a reported one."""
    keys, table, train = training.keys, training.table, training.params
    filled, has_label = keys["is_filled"].to_numpy(), is_scorable(keys, label)
    most = params.value("data.max_filled_share", FilledShare)
    trainable, predictable = (
        has_context(table.segment, filled, train.sequence_length, minimum, most)
        for minimum in (train.minimum_context, train.sequence_length)
    )
    return [
        fold_rows(span, keys["timestamp"], trainable & has_label, predictable, has_label) for span in spans
    ]


def _train(model: NetworkEntry, plan: TrainingPlan, jobs: list[Job], folder: Path) -> pd.DataFrame:
    """Train every inner fold, going on where a kill has ended it, and tell what the networks predict."""
    params = plan.params.model_copy(update={"importance_rows": 0})
    training = Training(
        model, plan.architecture, params, plan.table, {}, folder / "checkpoints", folder / "events",
        network_of(plan.start, jobs, model),
    )  # fmt: skip
    parts = []
    for job, trained in zip(jobs, train_folds(training, *begin(params), jobs), strict=True):
        for part in ("validation", "test"):
            of = plan.keys.loc[getattr(job.rows, part), ROW_KEYS]
            parts.append(
                of.assign(
                    symbol=of["symbol"].astype(str), fold=np.int64(job.position), part=part,
                    prediction=getattr(trained, part),
                )
            )  # fmt: skip
    told: pd.DataFrame = pd.concat(parts, ignore_index=True)
    return told
