"""Boosted trees against scikit-learn's own predictions, and the choice of their number against its stages."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from tapeline.baselines.boosting import constant_trees
from tapeline.baselines.boosting_fit import fit_boosting, trees_of
from tapeline.baselines.losses import Labelled
from tapeline.baselines.params import BaselineParams
from tapeline.schema import DIRECTION, LABELS

PARAMS = BaselineParams(
    stride=1, rows=1000, strengths=(1.0,), leaves=(3, 8), learning_rates=(0.3,), leaf_rows=5, trees=150,
    patience=30, seed=1,
)  # fmt: skip


def rows(label, n=400, seed=0, decimals=None):
    """Rows whose label hangs on two features together; few different values where `decimals` is small."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 5)).astype(np.float32)
    x = x if decimals is None else x.round(decimals)
    signal = 1 / (1 + np.exp(-2 * x[:, 0] * x[:, 1]))
    y = (rng.random(n) < signal).astype(float) if label == DIRECTION else signal * rng.random(n)
    return Labelled(x, y)


def sklearn_model(label, **given):
    """An estimator with the settings that are asked for."""
    kind = HistGradientBoostingClassifier if label == DIRECTION else HistGradientBoostingRegressor
    settings = {"max_leaf_nodes": 8, "min_samples_leaf": 5, "learning_rate": 0.3, "random_state": 1}
    return kind(early_stopping=False, **settings | given)


def said(label, model, x):
    """What scikit-learn says of rows, a strength cut to its range."""
    return model.predict_proba(x)[:, 1] if label == DIRECTION else np.clip(model.predict(x), 0, 1)


@settings(max_examples=15)
@given(
    label=st.sampled_from(LABELS), seed=st.integers(0, 999), decimals=st.sampled_from([None, 0, 1]),
    n_trees=st.integers(1, 12),
)  # fmt: skip
def test_trees_say_what_scikit_learn_says(label, seed, decimals, n_trees):
    """On rows it was fitted on and others, single-precision values next to a threshold among them."""
    data = rows(label, seed=seed, decimals=decimals)
    model = sklearn_model(label, max_iter=n_trees).fit(data.x, data.y)
    trees = trees_of(model, label, n_trees)
    edges = np.repeat(trees.threshold[:, None], 5, axis=1)
    others = rows(label, seed=seed + 1).x
    for x in (data.x, others, edges, np.nextafter(edges, np.float32(np.inf)), np.nextafter(edges, -edges)):
        np.testing.assert_allclose(trees.predict(x), said(label, model, x), atol=1e-6)


@pytest.mark.parametrize("label", LABELS)
def test_trees_end_where_validation_is_best(label):
    """Against all stages of a model that is not stopped; of both numbers of leaves the better."""
    train, validation = rows(label, seed=1), rows(label, seed=2)
    trees, grid, best = fit_boosting(label, train, validation, PARAMS)
    for place, leaves in enumerate(PARAMS.leaves):
        model = sklearn_model(label, max_leaf_nodes=leaves, max_iter=PARAMS.trees).fit(train.x, train.y)
        y = validation.y
        if label == DIRECTION:
            stages = (p[:, 1] for p in model.staged_predict_proba(validation.x))
            losses = [-np.mean(np.where(y == 1, np.log(p), np.log1p(-p))) for p in stages]
        else:
            losses = [np.mean((p - y) ** 2) for p in model.staged_predict(validation.x)]
        n_best = int(np.argmin(losses)) + 1
        assert n_best < PARAMS.trees - PARAMS.patience  # or nothing was stopped
        assert (grid[place]["leaves"], grid[place]["trees"]) == (leaves, n_best)
        assert grid[place]["validation_loss"] <= losses[n_best - 1] + 1e-6  # a strength is cut to its range
        assert grid[place]["validation_loss"] == pytest.approx(losses[n_best - 1], rel=5e-3)
    assert best == int(np.argmin([fit["validation_loss"] for fit in grid]))
    assert len(trees.roots) == grid[best]["trees"]


def test_validation_teaches_nothing_but_where_to_stop():
    """With one tree to grow and one way to do so, other rows of validation leave the same tree."""
    one = PARAMS.model_copy(update={"leaves": (8,), "trees": 1})
    train = rows(DIRECTION, seed=1)
    first, second = (fit_boosting(DIRECTION, train, rows(DIRECTION, seed=k), one)[0] for k in (2, 3))
    assert all(np.array_equal(values, second.arrays()[name]) for name, values in first.arrays().items())


def test_what_is_said_of_a_row_hangs_on_no_other():
    """To the last bit."""
    data = rows(DIRECTION)
    trees, _, _ = fit_boosting(DIRECTION, data, rows(DIRECTION, seed=1), PARAMS)
    together = trees.predict(data.x)
    assert all(trees.predict(data.x[k : k + 1])[0] == together[k] for k in range(20))


@pytest.mark.parametrize("label", LABELS)
def test_no_tree_says_the_constant(label):
    """Of any row."""
    np.testing.assert_allclose(constant_trees(label, 0.2).predict(np.ones((3, 2), np.float32)), 0.2)
