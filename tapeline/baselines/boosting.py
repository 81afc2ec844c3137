"""Boosted trees: scikit-learn grows them, and they are kept and read as plain arrays."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tapeline.baselines.losses import Grid, Labelled, best_of, mean_loss, sigmoid
from tapeline.baselines.params import BaselineParams
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


def fit_boosting(
    label: str, train: Labelled, validation: Labelled, params: BaselineParams
) -> tuple[Trees, Grid, int]:
    """Fit on every pair of leaves and learning rate; return the best on validation, the grid, its place.

    Trees are added until `patience` of them in a row have not lowered the validation loss, and those after
    the lowest are cut off. scikit-learn's own choice of validation rows is random: labels that overlap
    those that are trained on.
    """
    fits, grid = [], []
    for leaves, rate in product(params.leaves, params.learning_rates):
        trees = _grow(label, train, validation, params, leaves, rate)
        loss = mean_loss(label, trees.predict(validation.x), validation.y)
        fits.append(trees)
        grid.append(
            {"leaves": leaves, "learning_rate": rate, "trees": len(trees.roots), "validation_loss": loss}
        )
    best = best_of(grid)
    return fits[best], grid, best


def _grow(
    label: str, train: Labelled, validation: Labelled, params: BaselineParams, leaves: int, rate: float
) -> Trees:
    kind = HistGradientBoostingClassifier if label == DIRECTION else HistGradientBoostingRegressor
    model = kind(
        learning_rate=rate, max_iter=params.trees, max_leaf_nodes=leaves, min_samples_leaf=params.leaf_rows,
        early_stopping=True, n_iter_no_change=params.patience, tol=0.0, random_state=params.seed,
    )  # fmt: skip
    model.fit(train.x, train.y, X_val=validation.x, y_val=validation.y)
    # What was reached before the first tree comes first; a rule has one tree at least.
    n_best = 1 + int(np.argmax(model.validation_score_[1:]))
    return trees_of(model, label, n_best)


def trees_of(model: Any, label: str, n_trees: int) -> Trees:
    """The first `n_trees` of a fitted model; on single-precision rows they say what it says.

    Its thresholds are double, between two values of the training rows: rounded down, no single-precision
    number changes sides.
    """
    base = np.array([float(np.ravel(model._baseline_prediction)[0])])
    parts = [predictors[0].nodes for predictors in model._predictors[:n_trees]]
    if not parts:
        return _trees(label, base, np.zeros(0, np.int32), {})
    roots = np.cumsum([0, *(len(nodes) for nodes in parts)])[:-1].astype(np.int32)
    nodes, offset = np.concatenate(parts), np.repeat(roots, [len(nodes) for nodes in parts])
    itself, is_leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
    single = nodes["num_threshold"].astype(np.float32)
    too_high = single > nodes["num_threshold"]
    single[too_high] = np.nextafter(single[too_high], np.float32(-np.inf))
    return _trees(
        label, base, roots,
        {
            "feature": np.where(is_leaf, 0, nodes["feature_idx"]),
            "threshold": np.where(is_leaf, np.float32(0), single),
            "left": np.where(is_leaf, itself, nodes["left"] + offset),
            "right": np.where(is_leaf, itself, nodes["right"] + offset),
            "value": np.where(is_leaf, nodes["value"], 0),
        },
    )  # fmt: skip


def constant_trees(label: str, value: float) -> Trees:
    """No tree at all: `value` of any row, as where all training labels are that."""
    sum_ = np.log(value / (1 - value)) if label == DIRECTION else value
    return _trees(label, np.array([sum_]), np.zeros(0, np.int32), {})


def _trees(
    label: str, base: NDArray[np.float64], roots: NDArray[np.int32], nodes: dict[str, NDArray[Any]]
) -> Trees:
    kinds = {
        "feature": np.int32, "threshold": np.float32, "left": np.int32, "right": np.int32, "value": np.float32
    }  # fmt: skip
    arrays: dict[str, Any] = {name: nodes.get(name, np.zeros(0)).astype(kind) for name, kind in kinds.items()}
    return Trees(label, base, roots, **arrays)
