"""Which rows have enough candles behind them; no torch in here, so that what learns without it knows too."""

import numpy as np
from numpy.typing import NDArray


def has_context(
    segment: NDArray[np.int64],
    is_filled: NDArray[np.bool_],
    length: int,
    minimum: int,
    max_filled_share: float,
) -> NDArray[np.bool_]:
    """Whether each row has at least `minimum` rows of its segment up to it, and few filled ones; shape (N,).

    Of its last `length` rows, or as many as its segment has, at most `max_filled_share` may be filled.
    """
    row = np.arange(segment.shape[0])
    first = np.maximum.accumulate(np.where(np.r_[True, segment[1:] != segment[:-1]], row, 0))
    begin = np.maximum(row - length + 1, first)
    filled = np.concatenate([[0], np.cumsum(is_filled)])
    n_filled = filled[row + 1] - filled[begin]
    has_few_filled: NDArray[np.bool_] = n_filled <= max_filled_share * (row - begin + 1)
    return (row - first + 1 >= minimum) & has_few_filled
