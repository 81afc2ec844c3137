"""Is a bounded buffer enough? Compute a column from its last candles alone and compare with the table."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from tapeline.quality.ledger import Cells, History, Ledger, cut_positions
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit

# From consecutive candles and the leader's candles before the last of them to the named columns, at the last.
Latest = Callable[[pd.DataFrame, pd.DataFrame, Sequence[str]], Cells]
TOLERANCE = 1e-6  # relative to the value or, where that is smaller, to the column's standard deviation


def audit_buffers(
    name: Literal["warm_up", "streaming"],
    latest: Latest,
    history: History,
    table: pd.DataFrame,
    lookbacks: Mapping[str, int],
    params: LeakParams,
) -> Audit:
    """Compare columns of `table` with `latest` on buffers of `lookbacks` candles, column by column.

    With each column's own lookback this is the audit of warm-up; with the longest for all, that of
    streaming, for such a buffer is what serving keeps. `table` is the feature table of the whole history.
    """
    columns = list(lookbacks)
    ledger = Ledger(history.symbol, name, columns)
    reach = max(lookbacks.values())
    scale = table[columns].std().fillna(0.0).to_numpy()
    rows_at = pd.Series(np.arange(len(table)), index=table["timestamp"])
    for cut in cut_positions(history, reach, params, name):
        row = rows_at.get(history.candles["timestamp"].iloc[cut])
        if row is None:
            continue
        expected = table[columns].iloc[[row]].to_numpy(np.float64)
        computed = np.empty_like(expected)
        for lookback in set(lookbacks.values()):
            chosen = [i for i, column in enumerate(columns) if lookbacks[column] == lookback]
            buffer = history.part(cut - lookback + 1, cut + 1)
            computed[0, chosen] = latest(buffer.candles, buffer.leader, [columns[i] for i in chosen])
        allowed = TOLERANCE * np.maximum(np.abs(expected), scale)
        ledger.compare(history.times[[cut]], expected, computed, allowed)
    return ledger.close(f"a segment of more than {reach} candles")
