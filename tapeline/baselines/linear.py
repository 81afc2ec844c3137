"""The linear rule of one candle, a direction's or a strength's; `linear_fit.py` fits it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.baselines.losses import sigmoid
from tapeline.schema import DIRECTION

ROWS_AT_ONCE = 65_536


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


def constant_linear(label: str, value: float, n_features: int) -> LinearRule:
    """The rule that says `value` of any row, as where all training labels are that."""
    sum_ = np.log(value / (1 - value)) if label == DIRECTION else value
    return LinearRule(label, np.zeros(n_features, np.float32), np.asarray(sum_, np.float32).reshape(1))
