"""A baseline's ONNX graph says what scikit-learn says, of every row."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from tapeline.baselines.boosting import constant_trees
from tapeline.baselines.boosting_fit import trees_of
from tapeline.baselines.export import to_onnx
from tapeline.baselines.linear import constant_linear
from tapeline.baselines.linear_fit import fit_linear
from tapeline.promotion.bundle import open_graph
from tapeline.schema import DIRECTION, LABELS
from tests.baselines.test_boosting import rows, said, sklearn_model

LENGTH = 4


def served(graph, x, seed=0):
    """What the graph says of windows that end with the rows `x`; what is before them is noise."""
    windows = np.random.default_rng(seed).normal(size=(len(x), LENGTH, x.shape[1])).astype(np.float32)
    windows[:, -1] = x
    return open_graph(graph).run(None, {"windows": windows})[0]


@settings(max_examples=10)
@given(
    label=st.sampled_from(LABELS), seed=st.integers(0, 999), decimals=st.sampled_from([None, 0, 1]),
    n_trees=st.integers(1, 40),
)  # fmt: skip
def test_trees_served_are_scikit_learns(label, seed, decimals, n_trees):
    """To 1e-5, on rows it was fitted on, others, and single-precision values on both sides of a threshold."""
    data = rows(label, seed=seed, decimals=decimals)
    model = sklearn_model(label, max_iter=n_trees).fit(data.x, data.y)
    trees = trees_of(model, label, n_trees)
    graph = to_onnx(trees, LENGTH, 5)
    edges = np.repeat(trees.threshold[:, None], 5, axis=1)
    for x in (data.x, rows(label, seed=seed + 1).x, edges, np.nextafter(edges, np.float32(np.inf))):
        found = served(graph, x)
        assert found.shape == (len(x),)
        np.testing.assert_allclose(found, said(label, model, x), atol=1e-5)


@pytest.mark.parametrize("label", LABELS)
def test_a_linear_rule_served_is_scikit_learns(label):
    """To 1e-5 on every row, those at the scaler's limits too; alone or among others."""
    data = rows(label)
    graph = to_onnx(fit_linear(label, data, data, [0.5])[0], LENGTH, 5)
    x = np.concatenate([data.x, np.full((2, data.x.shape[1]), 10, np.float32), -10 * np.sign(data.x[:20])])
    if label == DIRECTION:
        model = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000).fit(data.x.astype(float), data.y)
        expected = model.predict_proba(x.astype(float))[:, 1]
    else:
        expected = np.clip(Ridge(alpha=2.0).fit(data.x.astype(float), data.y).predict(x), 0, 1)
    np.testing.assert_allclose(served(graph, x), expected, atol=1e-5)
    np.testing.assert_allclose(served(graph, x[:1]), expected[:1], atol=1e-5)


@pytest.mark.parametrize("label", LABELS)
def test_a_constant_is_served_and_a_graph_has_the_same_bytes(label):
    """Without a tree too; two exports are one."""
    for model in (constant_trees(label, 0.2), constant_linear(label, 0.2, 3)):
        graph = to_onnx(model, LENGTH, 3)
        np.testing.assert_allclose(served(graph, np.ones((2, 3), np.float32)), 0.2, rtol=1e-6)
        assert graph == to_onnx(model, LENGTH, 3)
