"""Tables of many tiles: what is numbered on by gaps is numbered from each tile's first row."""

import numpy as np
import pandas as pd

from tapeline.release.proof_segments import with_own_segments

MINUTE = 60_000_000


def test_segments_are_numbered_from_each_tiles_first_row():
    """A long gap drawn in one tile moves no number of the next."""
    minutes = np.array([0, 1, 40, 41, 100, 101, 160])
    times = pd.DatetimeIndex((minutes * MINUTE).view("datetime64[us]"), tz="UTC")
    table = pd.DataFrame({"timestamp": times, "segment": np.array([3, 3, 4, 4, 5, 5, 6], dtype=np.int32)})
    edges = np.array([0, 100]) * MINUTE
    numbered = with_own_segments(table, edges)
    assert numbered["segment"].tolist() == [0, 0, 1, 1, 0, 0, 1]
    assert list(numbered.columns) == list(table.columns)
    assert table["segment"].tolist() == [3, 3, 4, 4, 5, 5, 6]
