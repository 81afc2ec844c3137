"""Sums of columns over millions of rows, a block of rows at a time, to the bit those of all rows at once."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

ROWS_AT_ONCE = 16_384
# NumPy adds up several columns row by row, and one column alone in pairs, halved at multiples of this.
UNROLLED = 8
# Rows from the first to before the last asked for, (n, F), C order; they are written over.
Take = Callable[[int, int], NDArray[np.float64]]


def column_sums(
    take: Take, n_rows: int, is_last_in_pairs: bool, at_once: int = ROWS_AT_ONCE
) -> NDArray[np.float64]:
    """What `np.add.reduce` gives of rows 0 to `n_rows`, (F,): the same bits for any `at_once`.

    Columns are added row by row, as NumPy does where several are side by side; the last, where it is said so,
    in pairs, as it does where one stands alone.
    """
    total: NDArray[np.float64] | None = None

    def add(begin: int, count: int) -> float:
        nonlocal total
        if count > max(at_once, 128):  # NumPy, too, adds no fewer in pairs
            half = count // 2
            half -= half % UNROLLED
            left = add(begin, half)
            return left + add(begin + half, count - half)
        block = take(begin, begin + count)
        in_pairs = float(np.add.reduce(np.ascontiguousarray(block[:, -1]))) if is_last_in_pairs else 0.0
        if total is not None:
            block[0] += total
        total = np.add.reduce(block, axis=0)
        return in_pairs

    in_pairs = add(0, n_rows)
    sums: NDArray[np.float64] = np.asarray(total)
    if is_last_in_pairs:
        sums[-1] = in_pairs
    return sums
