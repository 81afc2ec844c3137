"""What leaves figures without a meaning is named."""

import numpy as np
import pytest

from tapeline.evaluation.degenerate import reason_of


@pytest.mark.parametrize(
    ("prediction", "label", "told"),
    [
        ([], [], "no candle of it could be scored"),
        ([0.25, 0.25], [0.0, 1.0], "the model predicts the constant 0.25"),
        ([0.25, 0.25 + 1e-9], [0.0, 1.0], "the model predicts the constant 0.25"),
        ([0.2, 0.4], [1.0, 1.0], "every label is 1"),
        ([0.2, 0.2], [0.0, 0.0], "the model predicts the constant 0.2 and every label is 0"),
        ([0.2, 0.4], [0.0, 1.0], None),
    ],
)
def test_each_reason_is_told(prediction, label, told):
    """None at all where figures mean something."""
    assert reason_of(np.array(prediction), np.array(label)) == told
