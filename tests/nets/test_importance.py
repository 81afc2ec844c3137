"""Importance: the group that decides the label is missed, one that says nothing is not."""

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from tapeline.nets.importance import rotated, shifted_predictions
from tapeline.nets.rotation import evenly_spaced
from tests.nets.problem import ARCHITECTURES, ROWS, N, problem, run, train_params


def test_the_deciding_feature_is_missed_and_noise_is_not():
    """Rotating the feature behind the label takes the skill away; rotating the others leaves it."""
    features, labels = problem()
    result = run("lstm", features, labels, train_params(epochs=12))
    found = shifted_predictions(
        result.predictor, ROWS.test, ROWS.test, np.zeros(N, dtype=int), {"decides": [0], "noise": [1, 2]}, 0
    )
    skill = {name: roc_auc_score(labels[ROWS.test], values) for name, values in found.items()}
    whole = roc_auc_score(labels[ROWS.test], result.predictor(ROWS.test))
    assert abs(skill["decides"] - 0.5) < 0.1
    assert skill["noise"] > whole - 0.02


def test_a_few_rows_lose_what_all_of_them_do():
    """The rotation is along the whole test, whatever rows of it are looked at."""
    result = run("lstm", *problem(), train_params(epochs=1))
    found = [
        shifted_predictions(result.predictor, rows, ROWS.test, np.zeros(N, dtype=int), {"all": [0, 1, 2]}, 0)
        for rows in (ROWS.test, ROWS.test[::50])
    ]
    np.testing.assert_allclose(found[1]["all"], found[0]["all"][::50], atol=1e-6)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_rows_are_predicted_from_their_whole_context(network):
    """A rotated constant leaves the network's own predictions: no candle before a row is lost."""
    features, labels = problem()
    features[:, 2] = 5.0
    segment = np.repeat([0, 1, 2], [3400, 300, N - 3700])
    result = run(network, features, labels, train_params(epochs=1), segment=segment)
    among = np.flatnonzero((np.arange(N) >= 3120) & ~np.isin(np.arange(N) // 40, [81, 88]))  # with holes
    rows = among[np.r_[True, segment[among][1:] == segment[among][:-1]]][::7]
    same = shifted_predictions(result.predictor, rows, among, np.zeros(N, dtype=int), {"none": [2]}, 0)
    np.testing.assert_allclose(same["none"], result.predictor(rows), atol=1e-6)


def test_a_rotation_keeps_what_it_moves_and_where():
    """The same values in the same rows of the part, in another order; other columns and rows untouched."""
    features = torch.arange(60.0).reshape(20, 3)
    part = np.arange(5, 15)
    moved = rotated(features, [part], [1], seed=3)
    assert sorted(moved[5:15, 1].tolist()) == features[5:15, 1].tolist() != moved[5:15, 1].tolist()
    moved[5:15, 1] = features[5:15, 1]
    torch.testing.assert_close(moved, features)


def test_rows_are_spread_over_the_test():
    """At most so many, from first to last; none for 0."""
    assert evenly_spaced(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert evenly_spaced(np.arange(3), 4).tolist() == [0, 1, 2]
    assert evenly_spaced(np.arange(3), 0).tolist() == []
