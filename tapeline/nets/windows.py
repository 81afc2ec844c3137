"""Windows of consecutive candles, gathered on the fly from one feature matrix."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Windows:
    """Inputs and targets of a training or a prediction.

    features : (N, F) float32, all symbols below each other, scaled
    labels : (N,) float32, in 0..1, NaN where a row has none
    length : T, candles in a window
    """

    features: Tensor
    labels: Tensor
    length: int

    def batch(self, ends: Tensor) -> tuple[Tensor, Tensor]:
        """Windows that end at rows `ends` (B,), as (B, T, F), and the labels (B,) of those rows."""
        steps = torch.arange(1 - self.length, 1, device=ends.device)
        return self.features[ends[:, None] + steps], self.labels[ends]


def window_ends(
    run: NDArray[np.int64], is_filled: NDArray[np.bool_], length: int, max_filled_share: float
) -> NDArray[np.bool_]:
    """Whether a whole window of `length` rows ends at each row; shape (N,).

    `run` numbers the stretches of consecutive candles (symbol and segment): a window stays in one, and
    holds at most `max_filled_share` filled candles.
    """
    n = run.shape[0]
    is_end = np.zeros(n, dtype=bool)
    if n < length:
        return is_end
    filled = np.concatenate([[0], np.cumsum(is_filled)])
    is_end[length - 1 :] = (run[length - 1 :] == run[: n - length + 1]) & (
        filled[length:] - filled[:-length] <= max_filled_share * length
    )
    return is_end
