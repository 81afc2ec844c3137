"""What controls predict: fitted fold by fold on the training rows, as the networks are."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from tapeline.evaluation.controls import direction_controls, trend_controls
from tapeline.evaluation.params import EvaluationParams
from tapeline.parallel import side_by_side
from tapeline.schema import DIRECTION, TREND_STRENGTH
from tapeline.splits.folds import TimeFold
from tapeline.store.tables import is_scorable


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
    predictions: dict[str, NDArray[np.float64]] = {}
    for mask, predicted in zip(
        masks, side_by_side(partial(_fit_controls, label), jobs, workers), strict=True
    ):
        for name, values in predicted.items():
            predictions.setdefault(name, np.full(len(rows), np.nan))[mask] = values
    return predictions


def _fit_controls(label: str, arrays: tuple[Any, ...]) -> dict[str, NDArray[np.float64]]:
    fit = {DIRECTION: direction_controls, TREND_STRENGTH: trend_controls}[label]
    with threadpool_limits(1):  # threads that wait for each other spin beside whatever else runs
        return fit(*arrays)
