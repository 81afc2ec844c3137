"""What the two training stages share: every fold of one network, from feature tables to predictions."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from stages.runner import code_version, project_folder, run_folder
from stages.training_outputs import TrainingOutputs
from tapeline.errors import SplitError
from tapeline.market.params import FilledShare, Symbols
from tapeline.market.store import FeatureStore
from tapeline.market.tables import feature_groups, is_scorable, read_features, read_tables
from tapeline.nets.checkpoints import ROOM, inputs_key
from tapeline.nets.chunks import has_context
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import Candles, FoldRows, run_fold
from tapeline.nets.params import TrainParams
from tapeline.nets.tracking import EventFile
from tapeline.params import Params, Section
from tapeline.schema import INTERVAL_MINUTES, KEYS, Horizon, Interval, Refit
from tapeline.splits.folds import TimeFold, read_folds, refit_fold, scaler_rows

FEATURES, SPLITS = "data/features", "data/splits.json"
REFIT = "refit"  # name of the model that is trained on everything, beside fold_0, fold_1...


@dataclass(frozen=True)
class Network:
    """What a training stage trains; `make_net` takes the number of features."""

    name: str
    architecture: Section
    make_net: Callable[[int], nn.Module]
    label: str


def train_network(log: logging.Logger, params: Params, train: TrainParams, network: Network) -> None:
    """Train `network` on every fold and write models, predictions, history and a summary.

    A training that was killed goes on where it was, as long as nothing that decides it has changed.
    """
    groups = feature_groups(FEATURES, params.value("data.symbols", Symbols)[0])
    table, candles, folds = read_training(params, train, network.label, list(groups))
    contract = {
        "network": network.name,
        "architecture": network.architecture.model_dump(),
        "features": list(groups),
        "label": network.label,
        "horizon": candles.horizon,
        "interval": params.value("data.interval", Interval),
        "training": train.model_dump(),
        "made_from": made_from(params.value("data.symbols", Symbols)),
    }
    arrays = [candles.features, candles.labels, candles.run]
    fabric, outputs = make_fabric(train), TrainingOutputs(contract, table, groups, candles, train)
    arrays += [part for rows in folds for part in vars(rows).values()]
    key = inputs_key(contract | {"device": fabric.device.type}, arrays)
    checkpoints = project_folder() / ROOM / network.name / key
    names = [f"fold_{k}" for k in range(len(folds))]
    if params.value("promotion.refit", Refit) == "all":
        names[-1] = REFIT
    try:
        for name, rows in zip(names, folds, strict=True):
            if name != REFIT and not rows.test.size:
                raise SplitError(f"{network.name} {name}: no candle in test with a whole window up to it")
            make_net = outputs.builder(network.make_net)
            with EventFile(run_folder() / network.name / name, fabric.is_global_zero) as events:
                title, checkpoint = f"{network.name} {name}", checkpoints / f"{name}.pt"
                result = run_fold(fabric, make_net, candles, rows, train, title, checkpoint, events.write)
            if fabric.is_global_zero:
                log.info("%s: %s", name.replace("_", " "), outputs.add(name, rows, result))
            outputs.last_net = result.predictor.net
            del result  # and with it a scaled copy of all candles
    except KeyboardInterrupt:
        n_kept = len(list(checkpoints.glob("*.pt")))
        kept = f"{n_kept} folds begun or done are kept in {checkpoints}: run again to go on"
        raise KeyboardInterrupt(kept if n_kept else "") from None
    if fabric.is_global_zero:
        outputs.write()
        shutil.rmtree(checkpoints, ignore_errors=True)


def made_from(symbols: tuple[str, ...]) -> dict[str, str]:
    """Hashes of what a training comes from: candles and folds, the meaning of the features, the code."""
    store = FeatureStore(FEATURES)
    schemas = {symbol: store.schema(symbol) for symbol in symbols}
    told = [f"{symbol} {schema.input_version}" for symbol, schema in schemas.items()]
    data = hashlib.sha256("\n".join([*told, Path(SPLITS).read_text()]).encode()).hexdigest()[:16]
    version = schemas[symbols[0]].feature_version
    return {"data": data, "features": version, "code": code_version()}


def read_training(
    params: Params, train: TrainParams, label: str, features: list[str]
) -> tuple[pd.DataFrame, Candles, list[FoldRows]]:
    """Read what a training needs: keys of all rows, candles, rows of each fold."""
    symbols = params.value("data.symbols", Symbols)
    max_filled_share = params.value("data.max_filled_share", FilledShare)
    table = read_tables(FEATURES, symbols, [*KEYS, label])
    candles = Candles(
        features=read_features(FEATURES, symbols, features),
        labels=table[label].to_numpy(),
        symbol=table["symbol"].cat.codes.to_numpy(np.int64),
        run=table.groupby(["symbol", "segment"], observed=True).ngroup().to_numpy(),
        horizon=params.value("labels.horizon", Horizon),
    )
    filled, length, has_label = (
        table["is_filled"].to_numpy(),
        train.sequence_length,
        is_scorable(table, label),
    )
    trainable = has_context(candles.run, filled, length, train.minimum_context, max_filled_share)
    predictable = has_context(candles.run, filled, length, length, max_filled_share)
    spans = read_folds(SPLITS)
    if params.value("promotion.refit", Refit) == "all":
        step = pd.Timedelta(minutes=INTERVAL_MINUTES[params.value("data.interval", Interval)])
        spans.append(refit_fold(spans[-1], table["timestamp"].max() + step))
    folds = [
        fold_rows(fold, table["timestamp"], trainable & has_label, predictable, has_label) for fold in spans
    ]
    return table, candles, folds


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
