"""What a baseline is fitted and chosen by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.losses import log_loss
from tapeline.schema import DIRECTION

Grid = list[dict[str, Any]]  # hyperparameters and `validation_loss`, one place a fit
LOSSES = {True: "log_loss", False: "squared_error"}


@dataclass(frozen=True)
class Labelled:
    """Rows to learn from: scaled features x (n, F), single precision as served, and labels y (n,) in 0..1."""

    x: NDArray[np.float32]
    y: NDArray[np.float64]


def loss_name(label: str) -> str:
    """What the loss of `label` is called."""
    return LOSSES[label == DIRECTION]


def mean_loss(label: str, predicted: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    """Mean loss of predictions (n,): log loss of a direction, squared error of a strength."""
    return log_loss(predicted, y) if label == DIRECTION else float(np.mean((predicted - y) ** 2))


def best_of(grid: Grid) -> int:
    """Place of the least validation loss; of equal ones the first."""
    return int(np.argmin([fit["validation_loss"] for fit in grid]))


def sigmoid(logit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of a logit, without overflow."""
    inverse = np.exp(-np.abs(logit))
    probability: NDArray[np.float64] = np.where(logit >= 0, 1, inverse) / (1 + inverse)
    return probability
