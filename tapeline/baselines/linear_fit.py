"""Regularised logistic regression of a direction, ridge regression of a strength, by scikit-learn."""

from collections.abc import Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge

from tapeline.baselines.linear import LinearRule
from tapeline.baselines.losses import Grid, Labelled, best_of, mean_loss
from tapeline.schema import DIRECTION

STEPS = 100  # of Newton's method, which needs about six
CONVERGED = 1e-8  # largest gradient of the mean loss at its end


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
    intercept = np.asarray(model.intercept_, np.float32).reshape(1)
    return LinearRule(label, model.coef_.ravel().astype(np.float32), intercept)
