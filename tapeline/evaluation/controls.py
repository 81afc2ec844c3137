"""Rules that learn nothing but a share or a mean of the training rows: what every model must beat."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Predictions = dict[str, FloatArray]


@dataclass(frozen=True)
class Learned:
    """What rules know of training rows: the mean of their labels, and the share that repeated the last."""

    mean: float
    went_on: float

    @classmethod
    def of(cls, labels: FloatArray, past: FloatArray) -> "Learned":
        """Take it from `labels` (n,) and from what the label was over the last horizon (n,), or NaN."""
        return cls(float(labels.mean()), float(np.mean(past == labels)))


def direction_rules(learned: Learned, test_past: FloatArray) -> Predictions:
    """Probabilities of up, shape (n_test,), of each rule.

    test_past : (n_test,) the last known direction over the same horizon, NaN where prices were equal

    `last_return` says that the last direction goes on, with the share of training rows where it did (at
    least half); `reversal` says the opposite of it. `majority` is the training rows' share of up.
    """
    goes_on = np.full(test_past.size, max(learned.went_on, 0.5 + 1e-6))
    last_return = np.select([test_past == 1, test_past == 0], [goes_on, 1 - goes_on], default=0.5)
    return {
        "majority": np.full(test_past.size, learned.mean),
        "last_return": last_return,
        "reversal": 1 - last_return,
    }


def trend_rules(learned: Learned, test_past: FloatArray) -> Predictions:
    """Trend strengths in 0..1, shape (n_test,), of each rule; arguments as of `direction_rules`.

    `mean` is the training labels' mean, `persistence` the strength of the last `horizon` candles (the
    mean where it has none).
    """
    return {
        "mean": np.full(test_past.size, learned.mean),
        "persistence": np.where(np.isnan(test_past), learned.mean, test_past),
    }
