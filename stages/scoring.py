"""What is scored and against what: predictions, labels, the ceiling, the controls' predictions."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from stages.parallel import side_by_side
from tapeline.evaluation.controls import direction_controls, trend_controls
from tapeline.evaluation.importance import group_importance
from tapeline.evaluation.params import EvaluationParams
from tapeline.market.tables import is_scorable, read_tables
from tapeline.schema import DIRECTION, LABELS, TREND_STRENGTH
from tapeline.splits.folds import TimeFold, refit_fold
from tapeline.splits.predictions import read_predictions

ROW_KEYS = ["symbol", "timestamp"]


def add_ceiling(table: pd.DataFrame, symbols: tuple[str, ...]) -> pd.DataFrame:
    """Add column `ceiling`, the best filter's probability; NaN where the market is not simulated."""
    if not Path("data/candles/ceiling").is_dir():
        return table.assign(ceiling=np.nan)
    ceiling = read_tables("data/candles/ceiling", symbols).rename(columns={"probability": "ceiling"})
    return table.merge(ceiling, on=ROW_KEYS, how="left", validate="one_to_one")


def add_predictions(table: pd.DataFrame, network: str, folds: list[TimeFold]) -> pd.DataFrame:
    """Rows of `table` that `network` predicted, with `fold` and `prediction`, in the table's order.

    `fold` is categorical, so that tables by fold have a line for one without a row too.
    """
    predictions = read_predictions(f"data/predictions/{network}.parquet", folds, table)
    predictions["fold"] = pd.Categorical(predictions["fold"], categories=range(len(folds)))
    return table.merge(predictions, on=ROW_KEYS, how="inner", validate="one_to_one")


def read_validations(
    networks: tuple[str, ...], folds: list[TimeFold], table: pd.DataFrame, is_refit: bool, minutes: int
) -> dict[str, pd.DataFrame]:
    """What every model says of its own validation rows; a refitted one is of the fold after the last."""
    end = table["timestamp"].max() + pd.Timedelta(minutes=minutes)
    trained = [*folds, refit_fold(folds[-1], end)] if is_refit else folds
    return {
        name: read_predictions(f"data/predictions/{name}_validation.parquet", trained, table, "validation")
        for name in networks
    }


def importance(rows: pd.DataFrame, network: str, kind: str, evaluation: EvaluationParams) -> dict[str, Any]:
    """What each group of features is worth on the scored `rows` that `network` was looked into on."""
    without = pd.read_parquet(f"data/predictions/{network}_shifted.parquet").drop(columns="fold")
    groups = [name for name in without.columns if name not in ROW_KEYS]
    without = without.rename(columns={name: f"without {name}" for name in groups})
    merged = rows.merge(without, on=ROW_KEYS, how="inner", validate="one_to_one")
    found = group_importance(merged, [f"without {name}" for name in groups], kind, evaluation)
    return {name.removeprefix("without "): figures for name, figures in found.items()}


def add_past_labels(table: pd.DataFrame, horizon: int) -> pd.DataFrame:
    """Add `past_LABEL`: what the label was `horizon` candles ago, known now; NaN where there is none."""
    past = table.groupby(["symbol", "segment"], observed=True)[list(LABELS)].shift(horizon)
    return table.assign(**{f"past_{label}": past[label] for label in LABELS})


def control_predictions(
    table: pd.DataFrame,
    rows: pd.DataFrame,
    features: NDArray[np.float64],
    folds: list[TimeFold],
    label: str,
    evaluation: EvaluationParams,
    workers: int = 1,
) -> dict[str, NDArray[np.float64]]:
    """Fit every control on each fold's training rows of `table` and predict the fold's part of `rows`.

    `features` (N, F) belong to the rows of `table`; column `row` of `rows` says where those lie there. Folds
    are fitted side by side in `workers` processes of one thread each: the same for any number of them.
    """
    masks, jobs = [], []
    for k, fold in enumerate(folds):
        mask = (rows["fold"] == k).to_numpy()
        if not mask.any():
            continue
        is_train = fold.mask(table["timestamp"], "train") & is_scorable(table, label)
        at = np.flatnonzero(is_train)[:: evaluation.control_stride]
        train = table.loc[at]
        test = rows.loc[mask]
        masks.append(mask)
        jobs.append(
            (
                features[at],
                train[label].to_numpy(),
                train[f"past_{label}"].to_numpy(),
                features[test["row"].to_numpy()],
                test[f"past_{label}"].to_numpy(),
                evaluation.seed,
            )
        )
    found: dict[str, NDArray[np.float64]] = {}
    for mask, predicted in zip(
        masks, side_by_side(partial(_fit_controls, label), jobs, workers), strict=True
    ):
        for name, values in predicted.items():
            found.setdefault(name, np.full(len(rows), np.nan))[mask] = values
    return found


def _fit_controls(label: str, arrays: tuple[Any, ...]) -> dict[str, NDArray[np.float64]]:
    fit = {DIRECTION: direction_controls, TREND_STRENGTH: trend_controls}[label]
    with threadpool_limits(1):  # threads that wait for each other spin beside whatever else runs
        return fit(*arrays)
