"""Simple rivals, fitted on the same fold's training rows: what a network must beat to be worth it."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FloatArray = NDArray[np.float64]
Predictions = dict[str, FloatArray]

# Slow and shallow: labels are nearly noise, and a rival that overfits is no rival. Early stopping would
# validate on random rows, whose labels overlap those it learns from.
BOOSTING = {
    "learning_rate": 0.05,
    "max_iter": 150,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 100,
    "early_stopping": False,
}


def direction_controls(
    train_x: FloatArray,
    train_y: FloatArray,
    train_past: FloatArray,
    test_x: FloatArray,
    test_past: FloatArray,
    seed: int,
) -> Predictions:
    """Probabilities of up, shape (n_test,), of each control.

    x : (n, F) features of the last candle; y : (n,) directions 0.0 or 1.0
    past : (n,) the last known direction over the same horizon, NaN where prices were equal

    `last_return` says that the last direction goes on, with the share of training rows where it did (at
    least half); `reversal` says the opposite of it. `majority` is the training rows' share of up; where all
    of them went one way there is nothing to tell apart, and the learners say that as well.
    """
    went_on = np.mean(train_past == train_y)
    goes_on = np.full(test_past.size, max(went_on, 0.5 + 1e-6))
    last_return = np.select([test_past == 1, test_past == 0], [goes_on, 1 - goes_on], default=0.5)
    majority = np.full(test_past.size, train_y.mean())
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    boosting = HistGradientBoostingClassifier(**BOOSTING, random_state=seed)
    learners = {"logistic_regression": linear, "gradient_boosting": boosting}
    return {
        "majority": majority,
        "last_return": last_return,
        "reversal": 1 - last_return,
        **{
            name: learner.fit(train_x, train_y).predict_proba(test_x)[:, 1] if np.ptp(train_y) else majority
            for name, learner in learners.items()
        },
    }


def trend_controls(
    train_x: FloatArray,
    train_y: FloatArray,
    train_past: FloatArray,
    test_x: FloatArray,
    test_past: FloatArray,
    seed: int,
) -> Predictions:
    """Trend strengths in 0..1, shape (n_test,), of each control; arguments as of `direction_controls`.

    `mean` is the training labels' mean, `persistence` the strength of the last `horizon` candles (the
    mean where it has none), both without a look at features.
    """
    mean = train_y.mean()
    boosting = HistGradientBoostingRegressor(**BOOSTING, random_state=seed)
    return {
        "mean": np.full(test_past.size, mean),
        "persistence": np.where(np.isnan(test_past), mean, test_past),
        "gradient_boosting": np.clip(boosting.fit(train_x, train_y).predict(test_x), 0, 1),
    }
