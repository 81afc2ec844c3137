"""What leaves figures without a meaning is named."""

import numpy as np
import pytest

from tapeline.evaluation.degenerate import is_constant, reason_of


@pytest.mark.parametrize(
    ("prediction", "label", "told"),
    [
        ([], [], "no candle of it could be scored"),
        ([0.25, 0.25], [0.0, 1.0], "the network predicts the constant 0.25"),
        ([0.25, 0.25 + 1e-9], [0.0, 1.0], "the network predicts the constant 0.25"),
        ([0.2, 0.4], [1.0, 1.0], "every label is 1"),
        ([0.2, 0.2], [0.0, 0.0], "the network predicts the constant 0.2 and every label is 0"),
        ([0.2, 0.4], [0.0, 1.0], None),
    ],
)
def test_each_reason_is_told(prediction, label, told):
    """None at all where figures mean something."""
    assert reason_of(np.array(prediction), np.array(label)) == told


def test_a_network_that_hardly_moves_is_no_constant():
    """A ten-thousandth is more than rounding."""
    assert not is_constant(np.array([0.5, 0.5001]))
    assert is_constant(np.empty(0))
