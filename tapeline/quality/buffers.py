"""Is a bounded buffer enough? Compute a column from its last candles alone and compare with the table."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

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


@dataclass
class Scale:
    """What columns vary by, (F,), and the largest difference of each that was small beside that alone."""

    deviation: Cells
    forgiven: Cells = field(init=False)

    def __post_init__(self) -> None:
        """Nothing has been forgiven yet."""
        self.forgiven = np.zeros_like(self.deviation)

    @classmethod
    def of(cls, table: Tabular, columns: Sequence[str]) -> "Scale":
        """The standard deviations of `columns` in `table`, 0 where there is none."""
        if len(table) < 2:
            return cls(np.zeros(len(columns)))
        deviations = [table[column].to_numpy(np.float64).std(ddof=1) for column in columns]
        return cls(np.nan_to_num(np.array(deviations)))

    def allowed(self, expected: Cells, observed: Cells) -> Cells:
        """How far one row, (F,), may be off what is `expected`."""
        of_value, of_scale = TOLERANCE * np.abs(expected), TOLERANCE * self.deviation
        off = np.abs(expected - observed)
        self.forgiven = np.where(off > of_value, np.fmax(self.forgiven, off), self.forgiven)
        return np.maximum(of_value, of_scale)

    def forgives(self, forgiven: Sequence[float]) -> bool:
        """Whether differences, (F,), that were small beside what columns varied by then are so now."""
        return bool((np.asarray(forgiven) <= TOLERANCE * self.deviation).all())


def audit_warm_up(
    latest: Latest,
    history: History,
    table: Tabular,
    lookbacks: Mapping[str, int],
    params: LeakParams,
    scale: Scale | None = None,
) -> Audit:
    """Compare columns of `table` with `latest` on as many candles as each column's own lookback.

    `table` is the feature table of the whole history, or of the rows that are asked for with the `scale` of
    all.
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

    reach = max(lookbacks.values())
    return _audit("warm_up", computed, history, table, columns, reach, params, scale)


def audit_streaming(
    served: Served,
    history: History,
    table: Tabular,
    columns: Sequence[str],
    lookback: int,
    params: LeakParams,
    scale: Scale | None = None,
) -> Audit:
    """Compare `columns` of `table` with what is `served` of the same candles one by one.

    lookback : the longest of all columns, with which a segment's rows begin; table, scale : as for warm-up
    """
    return _audit("streaming", served, history, table, columns, lookback, params, scale)


def _audit(
    name: AuditName,
    computed: Served,
    history: History,
    table: Tabular,
    columns: Sequence[str],
    reach: int,
    params: LeakParams,
    scale: Scale | None,
) -> Audit:
    ledger = Ledger(history.symbol, name, columns)
    cuts = cut_positions(history, reach, params, name)
    at = pd.Index(table["timestamp"]).get_indexer(history.candles["timestamp"].iloc[cuts])
    cuts, at = cuts[at >= 0], at[at >= 0]
    scale = scale or Scale.of(table, columns)
    stored = np.empty((len(at), len(columns)))
    for k, column in enumerate(columns):
        stored[:, k] = table[column].to_numpy(np.float64)[at]
    for cut, expected, observed in zip(cuts, stored, computed(history, cuts), strict=True):
        allowed = scale.allowed(expected, observed)
        ledger.compare(history.times[[cut]], expected[None, :], observed[None, :], allowed[None, :])
    return ledger.close(f"a segment of more than {reach} candles")
