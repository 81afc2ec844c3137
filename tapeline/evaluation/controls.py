"""Rules that learn nothing but a share or a mean of the training rows: what every model must beat."""

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Predictions = dict[str, FloatArray]


def direction_rules(train_y: FloatArray, train_past: FloatArray, test_past: FloatArray) -> Predictions:
    """Probabilities of up, shape (n_test,), of each rule.

    y : (n,) directions 0.0 or 1.0 of the training rows
    past : (n,) the last known direction over the same horizon, NaN where prices were equal

    `last_return` says that the last direction goes on, with the share of training rows where it did (at
    least half); `reversal` says the opposite of it. `majority` is the training rows' share of up.
    """
    went_on = np.mean(train_past == train_y)
    goes_on = np.full(test_past.size, max(went_on, 0.5 + 1e-6))
    last_return = np.select([test_past == 1, test_past == 0], [goes_on, 1 - goes_on], default=0.5)
    return {
        "majority": np.full(test_past.size, train_y.mean()),
        "last_return": last_return,
        "reversal": 1 - last_return,
    }


def trend_rules(train_y: FloatArray, train_past: FloatArray, test_past: FloatArray) -> Predictions:
    """Trend strengths in 0..1, shape (n_test,), of each rule; arguments as of `direction_rules`.

    `mean` is the training labels' mean, `persistence` the strength of the last `horizon` candles (the
    mean where it has none).
    """
    mean = train_y.mean()
    return {
        "mean": np.full(test_past.size, mean),
        "persistence": np.where(np.isnan(test_past), mean, test_past),
    }
