"""Is the stored table what its candles give? Every key, feature and label of every row, to the bit."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.quality.ledger import History, Ledger
from tapeline.quality.report import Audit
from tapeline.schema import KEYS

TIME = KEYS[0]


def audit_stored(clean: pd.DataFrame, table: pd.DataFrame, history: History, columns: Sequence[str]) -> Audit:
    """Compare the stored `table` with `clean`, built from the candles here and now.

    columns : features and labels; the keys come before them. Of each column, the first row that differs is
    kept; where rows differ, their open times are all that is compared.
    """
    ledger = Ledger(history.symbol, "stored", [*KEYS, *columns])
    times, stored = (each[TIME].to_numpy("datetime64[us]").view(np.int64) for each in (clean, table))
    if not np.array_equal(times, stored):
        ledger.count(len(times))
        n_both = min(len(times), len(stored))
        at = next((int(k) for k in np.flatnonzero(times[:n_both] != stored[:n_both])), n_both)
        open_times = [float(each[at]) if at < len(each) else np.inf for each in (times, stored)]
        first = min(each[at] for each in (times, stored) if at < len(each))
        ledger.add(0, first, *open_times)
        return ledger.close("a segment longer than the warm-up")
    for name in [*KEYS[1:], *columns]:
        expected, observed = (each[name].to_numpy(np.float64)[:, None] for each in (clean, table))
        position = ledger.position(name)
        ledger.compare(times, np.ascontiguousarray(expected), np.ascontiguousarray(observed), first=position)
    ledger.count(len(times))
    return ledger.close("a segment longer than the warm-up")
