"""The losses by which predictions are judged, against their definitions and scikit-learn's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tapeline.losses import EDGE, absolute_errors, log_loss, log_losses

SHARES = st.floats(0.001, 0.999)


@given(st.lists(st.tuples(SHARES, st.sampled_from([0.0, 1.0])), min_size=1, max_size=20))
def test_log_loss_is_that_of_the_outcome(rows):
    """Minus the log of the probability given to what came, each and in the mean."""
    p, label = map(np.array, zip(*rows, strict=True))
    by_hand = [-math.log(of if came else 1 - of) for of, came in rows]
    assert log_losses(p, label) == pytest.approx(by_hand)
    assert log_loss(p, label) == pytest.approx(metrics.log_loss(label, p, labels=[0.0, 1.0]))


@given(SHARES, SHARES, SHARES)
def test_a_label_between_counts_as_so_much_of_both(p, label, other):
    """The mean of the two outcomes' losses; least where the probability is the label."""
    up, down = log_losses(np.array([p, p]), np.array([1.0, 0.0]))
    (between,) = log_losses(np.array([p]), np.array([label]))
    assert between == pytest.approx(label * up + (1 - label) * down)
    assert (
        log_losses(np.array([label]), np.array([label]))
        <= log_losses(np.array([other]), np.array([label])) + 1e-12
    )


def test_certain_and_wrong_costs_much_and_not_infinitely_much():
    """As a probability of EDGE would; certain and right costs nothing to speak of."""
    wrong = log_losses(np.array([0.0, 1.0]), np.array([1.0, 0.0]))
    assert wrong == pytest.approx([-math.log(EDGE)] * 2, rel=1e-4)
    assert log_losses(np.array([0.0, 1.0]), np.array([0.0, 1.0])) == pytest.approx([0.0, 0.0], abs=1e-11)


def test_a_strength_costs_its_distance():
    """Either way."""
    assert absolute_errors(np.array([0.2, 0.9]), np.array([0.5, 0.5])) == pytest.approx([0.3, 0.4])
