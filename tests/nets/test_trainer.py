"""The weights that a training keeps."""

import numpy as np
import pytest
import torch

from tapeline.nets import trainer
from tapeline.nets.devices import make_fabric
from tapeline.nets.folds import run_fold
from tapeline.nets.prediction import as_array
from tests.nets.problem import ROWS, make_net, problem, table_of, train_params


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_the_kept_weights_are_the_average_over_steps(monkeypatch, share):
    """The weights of every step averaged as the formula says, by NumPy; with a share of 0 the last."""
    seen = []
    average = trainer.moving_average

    def spying(net, kept):
        made = average(net, kept)
        update = made.update_parameters

        def update_and_look(model):
            update(model)
            seen.append(model.head.weight.detach().numpy().astype(np.float64))

        made.update_parameters = update_and_look
        return made

    monkeypatch.setattr(trainer, "moving_average", spying)
    params = train_params(averaging=share, epochs=1)
    features, labels = problem()
    result = run_fold(make_fabric(params), make_net("lstm"), table_of(features, labels), ROWS, params, "lstm")
    expected = seen[0]
    for n, weights in enumerate(seen[1:], start=1):
        kept = min(share, (1 + n) / (10 + n))
        expected = kept * expected + (1 - kept) * weights
    assert len(seen) > 5
    np.testing.assert_allclose(result.predictor.net.head.weight.detach(), expected, atol=1e-6)


def test_a_step_is_that_of_adamw():
    """Weights after some steps, by NumPy from the formulas of Loshchilov and Hutter (2019), algorithm 2."""
    params = train_params(learning_rate=0.05, weight_decay=0.5)
    rng = np.random.default_rng(1)
    expected, gradients = rng.normal(size=7), rng.normal(size=(6, 7))
    net = torch.nn.Linear(7, 1, bias=False)
    net.weight.data = torch.tensor(expected[None], dtype=torch.float32)
    optimizer = trainer.make_optimizer(net, params)
    mean, square = np.zeros(7), np.zeros(7)
    for step, gradient in enumerate(gradients, start=1):
        net.weight.grad = torch.tensor(gradient[None], dtype=torch.float32)
        optimizer.step()
        mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
        moved = (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        expected = expected - 0.05 * (moved + 0.5 * expected)
        np.testing.assert_allclose(net.weight.detach()[0], expected, atol=1e-5)


def test_a_step_is_clipped_as_a_whole(monkeypatch):
    """The gradient of all weights together is at most `train.gradient_clip` long, and just that if cut."""
    norms, make = [], trainer.make_optimizer

    def watching(net, params):
        optimizer = make(net, params)
        optimizer.register_step_pre_hook(
            lambda *_: norms.append(float(sum((p.grad**2).sum() for p in net.parameters()) ** 0.5))
        )
        return optimizer

    monkeypatch.setattr(trainer, "make_optimizer", watching)
    params = train_params(gradient_clip=0.01, epochs=1)
    features, labels = problem()
    run_fold(make_fabric(params), make_net("lstm"), table_of(features, labels), ROWS, params, "lstm")
    assert len(norms) > 5
    assert max(norms) == pytest.approx(0.01, rel=1e-3)


def test_averages_validate_and_are_kept(monkeypatch):
    """What decides when to stop is the average's loss, which is that of the weights that are kept."""
    params = train_params(averaging=0.95, calibration="none")
    features, labels = problem()
    result = run_fold(make_fabric(params), make_net("lstm"), table_of(features, labels), ROWS, params, "lstm")
    stopped = ROWS.validation[:: params.validation_stride]
    logits = as_array(result.predictor.logits(stopped))
    of_kept = float(np.mean(np.logaddexp(0, logits) - labels[stopped] * logits))
    least = min(epoch["validation_loss"] for epoch in result.history)
    assert of_kept == pytest.approx(least, abs=1e-6)


def test_later_epochs_leave_the_kept_weights_alone():
    """Where labels are noise the least loss comes early, and the weights of just that epoch are kept."""
    params = train_params(averaging=0.9, calibration="none", patience=4, learning_rate=0.1)
    features, _ = problem()
    labels = np.random.default_rng(3).integers(0, 2, len(features)).astype(float)
    result = run_fold(make_fabric(params), make_net("lstm"), table_of(features, labels), ROWS, params, "lstm")
    losses = [epoch["validation_loss"] for epoch in result.history]
    assert len(losses) == params.epochs
    assert int(np.argmin(losses)) < params.epochs - 1
    stopped = ROWS.validation[:: params.validation_stride]
    logits = as_array(result.predictor.logits(stopped))
    of_kept = float(np.mean(np.logaddexp(0, logits) - labels[stopped] * logits))
    assert of_kept == pytest.approx(min(losses), abs=1e-6)
