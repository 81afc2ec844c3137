"""Is a bounded buffer enough? Compute a column from its last candles alone and compare with the table."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.quality.ledger import Cells, History, Ledger, cut_positions
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit, AuditName
from tapeline.schema import Tabular

# From consecutive candles and the leader's candles before the last of them to the named columns, at the last.
Latest = Callable[[pd.DataFrame, pd.DataFrame, Sequence[str]], Cells]
# From ascending rows of a history to all columns at each of them.
Served = Callable[[History, NDArray[np.int64]], Iterator[Cells]]
TOLERANCE = 1e-6  # relative to the value or, where that is smaller, to the column's standard deviation


def audit_warm_up(
    latest: Latest, history: History, table: Tabular, lookbacks: Mapping[str, int], params: LeakParams
) -> Audit:
    """Compare columns of `table` with `latest` on as many candles as each column's own lookback.

    `table` is the feature table of the whole history.
    """
    columns = list(lookbacks)

    def computed(history: History, cuts: NDArray[np.int64]) -> Iterator[Cells]:
        for cut in cuts:
            row = np.empty(len(columns))
            for lookback in set(lookbacks.values()):
                chosen = [i for i, column in enumerate(columns) if lookbacks[column] == lookback]
                buffer = history.part(cut - lookback + 1, cut + 1)
                row[chosen] = latest(buffer.candles, buffer.leader, [columns[i] for i in chosen])
            yield row

    return _audit("warm_up", computed, history, table, columns, max(lookbacks.values()), params)


def audit_streaming(
    served: Served,
    history: History,
    table: Tabular,
    columns: Sequence[str],
    lookback: int,
    params: LeakParams,
) -> Audit:
    """Compare `columns` of `table` with what is `served` of the same candles one by one.

    lookback : the longest of all columns, with which a segment's rows begin
    """
    return _audit("streaming", served, history, table, columns, lookback, params)


def _audit(
    name: AuditName,
    computed: Served,
    history: History,
    table: Tabular,
    columns: Sequence[str],
    reach: int,
    params: LeakParams,
) -> Audit:
    ledger = Ledger(history.symbol, name, columns)
    cuts = cut_positions(history, reach, params, name)
    at = pd.Index(table["timestamp"]).get_indexer(history.candles["timestamp"].iloc[cuts])
    cuts, at = cuts[at >= 0], at[at >= 0]
    stored, scale = np.empty((len(at), len(columns))), np.empty(len(columns))
    for k, column in enumerate(columns):
        values = table[column].to_numpy(np.float64)
        stored[:, k], scale[k] = values[at], np.nan_to_num(values.std(ddof=1))
    for cut, expected, observed in zip(cuts, stored, computed(history, cuts), strict=True):
        allowed = TOLERANCE * np.maximum(np.abs(expected), scale)
        ledger.compare(history.times[[cut]], expected[None, :], observed[None, :], allowed[None, :])
    return ledger.close(f"a segment of more than {reach} candles")
