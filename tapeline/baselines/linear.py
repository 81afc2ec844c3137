"""The linear rule: regularised logistic regression of a direction, ridge regression of a strength."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression, Ridge

from tapeline.baselines.losses import Grid, Labelled, best_of, mean_loss, sigmoid
from tapeline.schema import DIRECTION

ROWS_AT_ONCE = 65_536
STEPS = 100  # of Newton's method, which needs about six
CONVERGED = 1e-8  # largest gradient of the mean loss at its end


@dataclass(frozen=True)
class LinearRule:
    """Prediction `weights @ x + intercept` of one candle's scaled features x (F,), as a number in 0..1.

    weights : (F,) single precision; intercept : (1,) likewise
    label : what is predicted; the sum is the logit of a direction, and a strength itself, cut to 0..1
    """

    label: str
    weights: NDArray[np.float32]
    intercept: NDArray[np.float32]

    def predict(self, x: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predictions (N,) of the rows x (N, F); that of a row hangs on no other, to the last bit."""
        sums = np.empty(len(x))
        for first in range(0, len(x), ROWS_AT_ONCE):
            block = slice(first, first + ROWS_AT_ONCE)
            # Not `@`, whose sums depend on how many rows there are.
            sums[block] = (x[block].astype(np.float64) * self.weights).sum(axis=1)
        sums += np.float64(self.intercept[0])
        return sigmoid(sums) if self.label == DIRECTION else np.clip(sums, 0, 1)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Everything fitted, by name."""
        return {"weights": self.weights, "intercept": self.intercept}


def fit_linear(
    label: str, train: Labelled, validation: Labelled, strengths: Sequence[float]
) -> tuple[LinearRule, Grid, int]:
    """Fit at every one of `strengths`; return the rule of least validation loss, the grid, its place in it.

    The rule at strength C is least in C * (sum over training rows of the loss) + |weights|^2 / 2; the
    loss is -log p(label) of a direction, half the squared error of a strength (scikit-learn's C; 1 / alpha).
    """
    rules = [_fit(label, train, strength) for strength in strengths]
    losses = [mean_loss(label, rule.predict(validation.x), validation.y) for rule in rules]
    grid = [
        {"strength": strength, "validation_loss": loss}
        for strength, loss in zip(strengths, losses, strict=True)
    ]
    best = best_of(grid)
    return rules[best], grid, best


def _fit(label: str, train: Labelled, strength: float) -> LinearRule:
    if label != DIRECTION:
        model = Ridge(alpha=1 / strength, solver="cholesky")
    else:
        model = LogisticRegression(C=strength, solver="newton-cholesky", max_iter=STEPS, tol=CONVERGED)
    model.fit(train.x.astype(np.float64), train.y)
    return LinearRule(label, model.coef_.ravel().astype(np.float32), _single(model.intercept_))


def constant_linear(label: str, value: float, n_features: int) -> LinearRule:
    """The rule that says `value` of any row, as where all training labels are that."""
    sum_ = np.log(value / (1 - value)) if label == DIRECTION else value
    return LinearRule(label, np.zeros(n_features, np.float32), _single(sum_))


def _single(value: Any) -> NDArray[np.float32]:
    return np.asarray(value, np.float32).reshape(1)
