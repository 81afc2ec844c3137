"""One fold: scale, train, predict its test rows."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import nn

from tapeline.errors import SplitError
from tapeline.nets.params import TrainParams
from tapeline.nets.scaler import Scaler, fit_scaler
from tapeline.nets.trainer import Trained, predict_logits, train
from tapeline.nets.windows import Windows


@dataclass(frozen=True)
class FoldRows:
    """Row positions of a fold's parts in the feature matrix, ascending; training and validation purged.

    scaler : all rows of the training part
    train, validation, test : rows at which a whole window ends; those of the first two have a label
    """

    scaler: NDArray[np.int64]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


@dataclass(frozen=True)
class FoldResult:
    """A trained fold and its predictions, in 0..1, at `FoldRows.test`."""

    trained: Trained
    scaler: Scaler
    predictions: NDArray[np.float64]


def run_fold(
    fabric: Fabric,
    make_net: Callable[[], nn.Module],
    features: NDArray[np.float64],
    labels: NDArray[np.float64],
    rows: FoldRows,
    params: TrainParams,
    title: str,
) -> FoldResult:
    """Train a fresh network on one fold of (N, F) `features` and (N,) `labels`, and predict its test rows.

    The same seed begins every fold. Every `train.stride`-th window is trained and validated on; every
    test row is predicted.
    """
    for part in ("scaler", "train", "validation", "test"):
        if getattr(rows, part).size == 0:
            raise SplitError(f"{title}: no whole window of train.sequence_length candles in {part}")
    torch.manual_seed(params.seed)
    scaler = fit_scaler(features, rows.scaler)
    windows = Windows(
        features=torch.from_numpy(scaler.transform(features)).to(fabric.device),
        labels=torch.from_numpy(labels.astype(np.float32)).to(fabric.device),
        length=params.sequence_length,
    )
    thinned = rows.train[:: params.stride], rows.validation[:: params.stride]
    trained = train(fabric, make_net(), windows, *thinned, params, title)
    net = fabric.to_device(trained.net)
    predictions = torch.sigmoid(predict_logits(fabric, net, windows, rows.test)).double().cpu().numpy()
    return FoldResult(Trained(net.cpu(), trained.history), scaler, predictions)
