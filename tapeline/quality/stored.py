"""Is the stored table what its candles give? Every key, feature and label of every row, to the bit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.quality.ledger import History, Ledger
from tapeline.quality.report import Audit
from tapeline.schema import KEYS, Tabular

TIME = KEYS[0]


@dataclass(frozen=True)
class Known:
    """Rows that were compared before, of the same bytes and candles; `times` (n,) are compared again."""

    times: NDArray[np.int64]


def audit_stored(
    clean: Iterable[pd.DataFrame | Known], table: Tabular, history: History, columns: Sequence[str]
) -> Audit:
    """Compare the stored `table` with `clean`, built from the candles here and now, in blocks of its rows.

    columns : features and labels; the keys come before them. Of each column, the first row that differs is
    kept; where rows differ, their open times are all that is compared.
    """
    names = [*KEYS[1:], *columns]
    ledger, of_rows = (Ledger(history.symbol, "stored", [*KEYS, *columns]) for _ in range(2))
    differing: dict[int, tuple[np.int64, float, float]] = {}
    parts, at = [np.empty(0, np.int64)], 0
    for block in clean:
        times = block.times if isinstance(block, Known) else _times(block)
        parts.append(times)
        if isinstance(block, Known):
            at += len(times)
            continue
        stored = table.iloc[at : at + len(block)]
        at += len(block)
        if not np.array_equal(times, _times(stored)):
            continue  # all of the open times are compared below
        for name in names:
            expected, observed = (each[name].to_numpy(np.float64)[:, None] for each in (block, stored))
            found = of_rows.differing(times, expected, observed, first=of_rows.position(name))
            differing = found | differing
    times, stored_times = np.concatenate(parts), _times(table)
    ledger.count(len(times))
    if not np.array_equal(times, stored_times):
        ledger.add(0, *_first_row_apart(times, stored_times))
        return ledger.close("a segment longer than the warm-up")
    for column in sorted(differing):
        ledger.add(column, *differing[column])
    ledger.count(len(times) * len(names))
    return ledger.close("a segment longer than the warm-up")


def _times(table: Tabular) -> NDArray[np.int64]:
    return table[TIME].to_numpy("datetime64[us]").view(np.int64)


def _first_row_apart(times: NDArray[np.int64], stored: NDArray[np.int64]) -> tuple[np.int64, float, float]:
    """Open times of the first row that is another in both, or is in one alone: the earlier, and of each."""
    n_both = min(len(times), len(stored))
    at = next((int(k) for k in np.flatnonzero(times[:n_both] != stored[:n_both])), n_both)
    open_times = [float(each[at]) if at < len(each) else np.inf for each in (times, stored)]
    first = min(each[at] for each in (times, stored) if at < len(each))
    return first, open_times[0], open_times[1]
