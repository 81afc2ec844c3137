"""Training: learns what is there, repeats byte for byte, and looks at nothing but its own fold's past."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from tapeline.errors import ParamsError, SplitError
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import FoldRows, run_fold
from tapeline.nets.scaler import fit_scaler
from tapeline.nets.trainer import plan_epoch, rate_factor
from tests.nets.problem import (
    ARCHITECTURES,
    DAY,
    LENGTH,
    ROWS,
    N,
    make_net,
    problem,
    run,
    table_of,
    train_params,
    weights,
)

EACH = ["lstm", pytest.param("transformer", marks=pytest.mark.slow)]  # where both go the same way


@pytest.mark.parametrize("network", EACH)
def test_a_network_learns_what_a_linear_model_knows(network):
    """On a linear problem the network ranks test rows nearly as well as logistic regression on the window."""
    features, labels = problem()
    result = run(network, features, labels, train_params(epochs=12))
    windows = np.lib.stride_tricks.sliding_window_view(features, LENGTH, axis=0).reshape(N - LENGTH + 1, -1)
    scaled = StandardScaler().fit_transform(windows)
    linear = LogisticRegression().fit(scaled[ROWS.train - LENGTH + 1], labels[ROWS.train])
    best = roc_auc_score(labels[ROWS.test], linear.decision_function(scaled[ROWS.test - LENGTH + 1]))
    assert best > 0.9
    assert roc_auc_score(labels[ROWS.test], result.predictor(ROWS.test)) > best - 0.04


@pytest.mark.parametrize("network", EACH)
def test_the_same_seed_gives_the_same_bytes(network):
    """Weights, history and predictions repeat exactly; another seed gives others."""
    one, two = run(network, *problem()), run(network, *problem())
    assert weights(one) == weights(two)
    assert one.history == two.history
    np.testing.assert_array_equal(one.predictor(ROWS.test), two.predictor(ROWS.test))
    assert weights(run(network, *problem(), train_params(seed=6))) != weights(one)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_nothing_after_a_part_is_looked_at(network):
    """Garbage in rows after validation leaves weights, scaler, calibration; after a test row, its value."""
    features, labels = problem()
    honest = run(network, features, labels)
    poisoned, poisoned_labels = features.copy(), labels.copy()
    poisoned[3500:] = 1e9
    poisoned_labels[3000:] = 1 - poisoned_labels[3000:]
    other = run(network, poisoned, poisoned_labels)
    assert weights(other) == weights(honest)
    assert other.calibration == honest.calibration
    np.testing.assert_array_equal(other.scaler.mean, honest.scaler.mean)
    test = ROWS.test[:400]
    np.testing.assert_allclose(other.predictor(test), honest.predictor(test), atol=1e-6)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_only_training_rows_teach(network):
    """Other rows of the part, purged at its end or without a label of their own, are read but not learnt."""
    features, labels = problem()
    is_purged = (np.arange(N) >= 2400) | (np.arange(N) % 7 == 0)
    rows = replace(ROWS, train=ROWS.train[~is_purged[ROWS.train]])
    honest = run(network, features, labels, train_params(epochs=1), rows)
    labels[:2500] = np.where(is_purged, 1 - labels, labels)[:2500]
    assert weights(run(network, features, labels, train_params(epochs=1), rows)) == weights(honest)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_training_reads_its_part_alone(network):
    """Garbage in the purge after training, in features and labels, leaves the first epoch's weights."""
    features, labels = problem()
    honest = run(network, features, labels, train_params(epochs=1))
    features[2500:2580], labels[2500:2580] = 1e9, 1 - labels[2500:2580]
    assert weights(run(network, features, labels, train_params(epochs=1))) == weights(honest)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_result_has_its_networks_own_logits_of_validation(network):
    """Calibrated on and then stored, so computed once: exactly those of the rows, in order."""
    result = run(network, *problem(), train_params(epochs=1))
    torch.testing.assert_close(
        result.validation_logits, result.predictor.logits(ROWS.validation), rtol=0, atol=0
    )


def test_validation_labels_do_not_teach():
    """Other labels in validation leave the weights of the first epoch; the network is judged by them."""
    features, labels = problem()
    honest = run("lstm", features, labels, train_params(epochs=1))
    labels[2600:3000] = 1 - labels[2600:3000]
    other = run("lstm", features, labels, train_params(epochs=1))
    assert weights(other) == weights(honest)
    assert honest.skill["skill"] > other.skill["skill"]


def test_a_label_belongs_to_the_day_it_ends_on():
    """The purge of a calibration's earlier days: of the last `horizon` candles of a day, the next."""
    table = table_of(*problem())
    rows = np.arange(2 * DAY - 5, 2 * DAY + 2)
    found = table.calibration_rows(rows, np.zeros(rows.size))
    assert found.day.tolist() == [1, 1, 1, 1, 1, 2, 2]
    assert found.label_day.tolist() == [1, 1, 2, 2, 2, 2, 2]  # the horizon is 3
    assert table.calibration_rows(np.array([N - 1]), np.zeros(1)).label_day.tolist() == [(N - 1) // DAY]


def test_dense_training_would_let_a_bidirectional_network_cheat():
    """The next candle's feature is the label, which nobody can know: only dense bidirectional learns it."""
    features, _ = problem()
    labels = np.r_[features[1:, 0] > 0, 0.0].astype(float)
    losses = {}
    for name, bidirectional, params in (
        ("cheats", True, train_params(epochs=10, patience=10)),
        ("windowed", True, train_params(epochs=10, patience=10).windowed()),
        ("causal", False, train_params(epochs=10, patience=10)),
    ):
        net = make_net("lstm", bidirectional=bidirectional)
        result = run_fold(make_fabric(params), net, table_of(features, labels), ROWS, params, name)
        losses[name] = result.history[-1]["training_loss"]
    assert losses["cheats"] < 0.5
    assert losses["windowed"] > 0.65
    assert losses["causal"] > 0.65


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_prediction_depends_on_its_last_candles_alone(network):
    """Among all rows or with its `sequence_length` candles alone: the same number, to 1e-5."""
    features, labels = problem()
    result = run(network, features, labels, train_params(epochs=2))
    for row in (ROWS.test[0], ROWS.test[500]):
        net, window = result.predictor.net, result.predictor.features[row - LENGTH + 1 : row + 1]
        alone = result.predictor.calibration(net.last(window[None])).item()
        assert result.predictor(ROWS.test)[np.searchsorted(ROWS.test, row)] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("network", ARCHITECTURES)
def test_a_gap_is_never_crossed(network):
    """With a new stretch from row 1000 on, garbage before it leaves predictions after it alone."""
    features, labels = problem()
    run_number = (np.arange(N) >= 3300).astype(np.int64)
    result = run(network, features, labels, segment=run_number)
    test = ROWS.test[(ROWS.test < 3300) | (ROWS.test >= 3300 + LENGTH)]
    before = result.predictor(test)
    moved = result.predictor.features[:]
    moved[3200:3300] = 9.0
    after = replace(result.predictor, features=moved)(test)
    np.testing.assert_allclose(after[test >= 3300], before[test >= 3300], atol=1e-6)
    assert not np.allclose(after[test < 3300], before[test < 3300])


def test_the_scaler_knows_training_rows_alone():
    """Mean and deviation equal scikit-learn's on the training rows, whatever the other rows hold."""
    features, labels = problem()
    features[2500:] += 1e3
    scaler = run("lstm", features, labels, train_params(epochs=1)).scaler
    oracle = StandardScaler().fit(features[:2500])
    np.testing.assert_allclose(scaler.mean, oracle.mean_)
    np.testing.assert_allclose(scaler.std, oracle.scale_)


def test_a_constant_feature_is_only_centred_and_outliers_are_clipped():
    """No division by zero, and nothing past ten deviations."""
    scaler = fit_scaler(np.column_stack([np.full(50, 7.0), np.arange(50.0)]), np.arange(50))
    scaled = scaler.transform(np.array([[7.0, 1e9], [8.0, -1e9]]))
    assert scaled.tolist() == [[0.0, 10.0], [1.0, -10.0]]
    third = np.full((50, 1), 1 / 3)  # whose mean is not quite itself
    assert fit_scaler(third, np.arange(50)).transform(third + 1e-9).max() < 1e-6


def test_validation_decides_which_weights_are_kept():
    """Against labels that validation contradicts, training stops early and keeps the best epoch's weights."""
    features, labels = problem()
    labels[2600:3000] = 1 - labels[2600:3000]
    result = run("lstm", features, labels, train_params(epochs=10, patience=2, validation_stride=1))
    losses = [epoch["validation_loss"] for epoch in result.history]
    best = losses.index(min(losses)) + 1
    assert len(losses) == best + 2 < 10
    assert result.losses[0] == pytest.approx(min(losses), abs=1e-6) != losses[-1]
    patient = run("lstm", features, labels, train_params(epochs=10, patience=10, validation_stride=1))
    assert [epoch["validation_loss"] for epoch in patient.history][: len(losses)] == losses


def test_accumulation_changes_memory_not_the_step():
    """A step in three parts comes to the weights of a step in one, but for rounding; dropout off."""
    features, labels = problem()
    found = []
    for accumulation in (1, 3):
        params = train_params(epochs=2, accumulation=accumulation)
        net = make_net("lstm", dropout=0.0)
        result = run_fold(make_fabric(params), net, table_of(features, labels), ROWS, params, "")
        found.append(result.history[-1]["training_loss"])
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_an_epoch_takes_every_label_once_whatever_the_processes():
    """All chunks of two processes and three parts are the chunks of one; borders move between epochs."""
    spans = np.array([[0, 1000], [1000, 1700]])
    plans = [plan_epoch(spans, train_params(), 1, processes) for processes in (1, 2)]
    in_steps = [[sorted(map(tuple, s.reshape(-1, 2)[s.reshape(-1, 2)[:, 1] > 0])) for s in p] for p in plans]
    assert in_steps[0] == in_steps[1]
    n_labels = sum(size - 5 for step in in_steps[0] for _, size in step)
    assert n_labels == 1700 - 2 * 5
    other = plan_epoch(spans, train_params(), 2)
    assert {tuple(c) for s in other for c in s.reshape(-1, 2)} != {c for s in in_steps[0] for c in s}


def test_an_epoch_stops_at_its_labels():
    """With a limit, the first chunks of the same order that reach it."""
    spans = np.array([[0, 3000]])
    whole = np.concatenate([s.reshape(-1, 2) for s in plan_epoch(spans, train_params(), 1)])
    part = np.concatenate(
        [s.reshape(-1, 2) for s in plan_epoch(spans, train_params(labels_per_epoch=500), 1)]
    )
    np.testing.assert_array_equal(part, whole[: len(part)])
    assert 500 <= (part[:, 1] - 5).sum() < 500 + 35


def test_the_rate_rises_and_falls():
    """Nearly nothing at first, whole after the warm-up, nothing at the end."""
    params = train_params(warm_up=0.2)
    factors = [rate_factor(done, params) for done in (0.0, 0.1, 0.2, 0.6, 1.0)]
    assert factors == pytest.approx([0.005, 0.5, 1.0, 0.5, 0.0])
    assert rate_factor(0.0, train_params(warm_up=0.0)) == rate_factor(0.0, train_params(warm_up=1e-6)) == 1.0


@pytest.mark.parametrize("changes", [{"balance_classes": True}, {"label_weights": "uniqueness"}])
def test_label_weights_change_what_is_learnt(changes):
    """Both weights reach the loss: other weights than without them."""
    features, labels = problem()
    labels[:2500:2] = 1.0
    rows = FoldRows(ROWS.part, np.r_[12:200, 400:2500:2], ROWS.validation, ROWS.test)
    plain = run("lstm", features, labels, rows=rows)
    assert weights(run("lstm", features, labels, train_params(**changes), rows)) != weights(plain)


@pytest.mark.slow
def test_bf16_learns_too():
    """Mixed precision trains to nearly the same loss; predictions stay in single precision."""
    plain, mixed = (
        run("transformer", *problem(), train_params(precision=precision))
        for precision in ("32-true", "bf16-mixed")
    )
    assert mixed.history[-1]["validation_loss"] == pytest.approx(
        plain.history[-1]["validation_loss"], abs=0.05
    )
    assert mixed.predictor.net.head.weight.dtype.itemsize == 4


def test_divergence_and_empty_parts_are_said_in_one_line():
    """A rate that blows up names the param; a part without rows names fold and part."""
    features, labels = problem()
    labels[ROWS.train] = np.inf
    with pytest.raises(ParamsError, match=r"train.learning_rate is 0.02: lstm diverged in epoch 1; lower it"):
        run("lstm", features, labels)
    nothing = FoldRows(ROWS.part, ROWS.train, np.arange(0), ROWS.test)
    with pytest.raises(
        SplitError, match="lstm: no candle in validation with train.sequence_length candles up to it"
    ):
        run("lstm", *problem(), rows=nothing)
