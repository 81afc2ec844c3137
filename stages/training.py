"""What the two training stages share: every fold of one network, from feature tables to predictions."""

import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from tapeline.market.params import FilledShare, Symbols
from tapeline.market.tables import feature_columns, is_scorable, read_tables
from tapeline.nets.folds import FoldRows, run_fold
from tapeline.nets.models import Description, save_model
from tapeline.nets.params import TrainParams
from tapeline.nets.trainer import make_fabric
from tapeline.nets.windows import window_ends
from tapeline.outputs import whole_folder, write_csv, write_json, write_table
from tapeline.params import Params, Section
from tapeline.schema import Horizon, Interval
from tapeline.splits.folds import TimeFold, read_folds, scaler_rows


def train_network(
    log: logging.Logger,
    params: Params,
    train: TrainParams,
    architecture: Section,
    make_net: Callable[[int], nn.Module],
    network: str,
    label: str,
) -> None:
    """Train `network` on every fold and write models, predictions, history and a summary.

    `make_net` takes the number of features.
    """
    table = read_tables("data/features", params.value("data.symbols", Symbols))
    features = feature_columns(table)
    description = Description(
        network=network,
        architecture=architecture.model_dump(),
        sequence_length=train.sequence_length,
        features=features,
        label=label,
        horizon=params.value("labels.horizon", Horizon),
        interval=params.value("data.interval", Interval),
        training=train.model_dump(),
    )
    has_window = _has_window(table, train.sequence_length, params.value("data.max_filled_share", FilledShare))
    fabric = make_fabric(train)
    matrix, labels = table[features].to_numpy(np.float64), table[label].to_numpy()
    predictions, history, summary = [], [], {}
    with whole_folder(f"models/{network}") as folder:
        for k, fold in enumerate(read_folds("data/splits.json")):
            rows = fold_rows(fold, table["timestamp"], has_window, is_scorable(table, label))
            title = f"{network} fold {k}"
            result = run_fold(fabric, lambda: make_net(len(features)), matrix, labels, rows, train, title)
            version = save_model(folder / f"fold_{k}", result.trained.net, result.scaler, description)
            found = table.loc[rows.test, ["symbol", "timestamp"]]
            predictions.append(found.assign(fold=k, prediction=result.predictions))
            history += [{"fold": k} | epoch for epoch in result.trained.history]
            summary[f"fold_{k}"] = _summarise(result.trained.history, rows, train.stride, version)
            log.info("fold %d: %s", k, summary[f"fold_{k}"])
    write_table(f"data/predictions/{network}.parquet", pd.concat(predictions, ignore_index=True))
    write_csv(f"plots/{network}_history.csv", pd.DataFrame(history))
    write_json(f"metrics/detail/{network}_training.json", summary)
    log.info(
        "%d test rows predicted; %d rows of all parts have a whole window",
        sum(map(len, predictions)),
        has_window.sum(),
    )


def fold_rows(
    fold: TimeFold, timestamp: pd.Series, has_window: np.ndarray, has_label: np.ndarray
) -> FoldRows:
    """Row positions of a fold: a test row needs a window, one of training or validation a label as well."""
    train, validation, test = (fold.mask(timestamp, part) for part in ("train", "validation", "test"))
    return FoldRows(
        scaler=scaler_rows(fold, timestamp),
        train=np.flatnonzero(train & has_window & has_label),
        validation=np.flatnonzero(validation & has_window & has_label),
        test=np.flatnonzero(test & has_window),
    )


def _has_window(table: pd.DataFrame, length: int, max_filled_share: float) -> np.ndarray:
    run = table.groupby(["symbol", "segment"], observed=True).ngroup().to_numpy()
    return window_ends(run, table["is_filled"].to_numpy(), length, max_filled_share)


def _summarise(history: list[dict[str, Any]], rows: FoldRows, stride: int, version: str) -> dict[str, Any]:
    best = min(history, key=lambda epoch: epoch["validation_loss"])
    return {
        "epochs": len(history),
        "best_epoch": best["epoch"],
        "training_loss": best["training_loss"],
        "validation_loss": best["validation_loss"],
        "training_windows": -(-rows.train.size // stride),
        "validation_windows": -(-rows.validation.size // stride),
        "test_rows": int(rows.test.size),
        "version": version,
    }
