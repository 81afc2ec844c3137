"""Boosted trees as plain arrays, which need nothing of the library that grew them (`boosting_fit.py`)."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.baselines.losses import sigmoid
from tapeline.schema import DIRECTION

ROWS_AT_ONCE = 8_192


@dataclass(frozen=True)
class Trees:
    """The sum of one leaf of every tree, as a number in 0..1.

    label : what is predicted; the sum is the logit of a direction, and a strength itself, cut to 0..1
    base : (1,) the sum before the first tree; roots : (T,) each tree's first node
    feature, left, right : (M,) of every node: where that feature is at most the threshold the way goes left,
        else right; a leaf leads to itself
    threshold, value : (M,) single precision, as features are; value is what a leaf adds
    """

    label: str
    base: NDArray[np.float64]
    roots: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions (N,) of the rows x (N, F); that of a row hangs on no other, to the last bit."""
        sums = np.empty(len(x))
        for first in range(0, len(x), ROWS_AT_ONCE):
            block = slice(first, first + ROWS_AT_ONCE)
            sums[block] = self._sums(x[block])
        return sigmoid(sums) if self.label == DIRECTION else np.clip(sums, 0, 1)

    def _sums(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        columns, rows = np.ascontiguousarray(x.T), np.arange(len(x))
        sums = np.full(len(x), self.base[0])
        for root in self.roots:
            node = np.full(len(x), root)
            while True:
                goes_left = columns[self.feature[node], rows] <= self.threshold[node]
                below = np.where(goes_left, self.left[node], self.right[node])
                if np.array_equal(below, node):
                    break
                node = below
            sums += self.value[node]
        return sums

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything fitted, by name."""
        return {name: value for name, value in vars(self).items() if name != "label"}


def constant_trees(label: str, value: float) -> Trees:
    """No tree at all: `value` of any row, as where all training labels are that."""
    sum_ = np.log(value / (1 - value)) if label == DIRECTION else value
    return trees_of_nodes(label, np.array([sum_]), np.zeros(0, np.int32), {})


def trees_of_nodes(
    label: str, base: NDArray[np.float64], roots: NDArray[np.int32], nodes: dict[str, NDArray[Any]]
) -> Trees:
    """Trees of `nodes`, the arrays (M,) by name in any precision; without any, no tree at all."""
    kinds = {
        "feature": np.int32, "threshold": np.float32, "left": np.int32, "right": np.int32, "value": np.float32
    }  # fmt: skip
    arrays: dict[str, Any] = {name: nodes.get(name, np.zeros(0)).astype(kind) for name, kind in kinds.items()}
    return Trees(label, base, roots, **arrays)
