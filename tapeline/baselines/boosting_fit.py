"""Boosted trees grown by scikit-learn."""

from itertools import product
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tapeline.baselines.boosting import Trees, trees_of_nodes
from tapeline.baselines.losses import Grid, Labelled, best_of, mean_loss
from tapeline.baselines.params import BaselineParams
from tapeline.schema import DIRECTION


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
        return trees_of_nodes(label, base, np.zeros(0, np.int32), {})
    roots = np.cumsum([0, *(len(nodes) for nodes in parts)])[:-1].astype(np.int32)
    nodes, offset = np.concatenate(parts), np.repeat(roots, [len(nodes) for nodes in parts])
    itself, is_leaf = np.arange(len(nodes)), nodes["is_leaf"].astype(bool)
    single = nodes["num_threshold"].astype(np.float32)
    too_high = single > nodes["num_threshold"]
    single[too_high] = np.nextafter(single[too_high], np.float32(-np.inf))
    return trees_of_nodes(
        label, base, roots,
        {
            "feature": np.where(is_leaf, 0, nodes["feature_idx"]),
            "threshold": np.where(is_leaf, np.float32(0), single),
            "left": np.where(is_leaf, itself, nodes["left"] + offset),
            "right": np.where(is_leaf, itself, nodes["right"] + offset),
            "value": np.where(is_leaf, nodes["value"], 0),
        },
    )  # fmt: skip
