"""Rows by UTC month: what tables are stored, and features computed, by."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def month_parts(times: NDArray[np.int64]) -> list[tuple[str, slice]]:
    """Name, `YYYY-MM`, and rows of each UTC month that has any of ascending `times` (n,), microseconds."""
    months = times.view("datetime64[us]").astype("datetime64[M]")
    borders = [0, *(np.flatnonzero(months[1:] != months[:-1]) + 1).tolist(), len(times)]
    return [(str(months[start]), slice(start, stop)) for start, stop in pairwise(borders) if start < stop]
