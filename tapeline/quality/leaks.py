"""Leak audits: build the same value with and without the candles it must not know, and compare bits.

Both builds start at the same candle, so a causal column comes out equal to the last bit, recursive
indicators included; any difference is knowledge of the future. The functions under audit are handed
in, so this works on any feature set.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import QualityError
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit, AuditName, Leak

# From one symbol's candles to its feature table with a `timestamp`; rows in warm-up are left out.
Build = Callable[[pd.DataFrame], pd.DataFrame]
Cells = NDArray[np.float64]


def audit_truncation(
    build: Build,
    candles: pd.DataFrame,
    columns: Sequence[str],
    symbol: str,
    reach: int,
    params: QualityParams,
) -> Audit:
    """Compare `columns` at each cut, built up to the cut and built with `reach` candles after it.

    `reach` (candles) must be at least the longest lookback, so that there is a row at every cut.
    """
    ledger = _Ledger(symbol, "truncation", columns)
    for cut in cut_positions(candles["segment"].to_numpy(), reach, params):
        start = cut - reach + 1
        truncated = _row_at(build, candles, start, cut + 1, cut, columns)
        whole = _row_at(build, candles, start, cut + 1 + reach, cut, columns)
        ledger.compare(candles["timestamp"].iloc[cut], whole, truncated)
    return ledger.close(reach)


def audit_label_reach(
    build: Build,
    candles: pd.DataFrame,
    labels: Sequence[str],
    symbol: str,
    reach: int,
    horizon: int,
    params: QualityParams,
) -> Audit:
    """Check that a label at t depends on the `horizon` candles after t in its segment, and no more.

    It must not change when candles after t+horizon, or of the next segment, are added; and it must be
    NaN when the last of its `horizon` candles is cut off, for then its future is not known.
    """
    ledger = _Ledger(symbol, "label_reach", labels)
    unknown = np.full(len(labels), np.nan)
    segment = candles["segment"].to_numpy()
    for cut in cut_positions(segment, reach, params, horizon):
        start, time = cut - reach + 1, candles["timestamp"].iloc[cut]
        border = int(np.searchsorted(segment, segment[cut], side="right"))
        stop = min(cut + horizon + 1, border)
        enough = _row_at(build, candles, start, stop, cut, labels)
        whole = _row_at(build, candles, start, stop + reach, cut, labels)
        ledger.compare(time, whole, enough)
        short = _row_at(build, candles, start, min(cut + horizon, border), cut, labels)
        ledger.compare(time, unknown, unknown if short is None else short)
    return ledger.close(reach)


def cut_positions(
    segment: NDArray[np.int32], reach: int, params: QualityParams, horizon: int = 1
) -> NDArray[np.int64]:
    """Choose up to `params.leak_cuts` rows that have `reach` candles of their segment behind them.

    Half of them at most are borders, where leaks hide: the first such row of a segment, its last, and
    the rows `horizon` before. The rest are drawn evenly over the table, one from each equal part.
    """
    n = segment.shape[0]
    first = np.searchsorted(segment, segment, side="left")  # of each row's segment
    positions = np.arange(n)
    allowed = positions[(positions - first >= reach - 1) & (positions < n - 1)]
    rng = np.random.default_rng(params.seed)
    if allowed.size <= params.leak_cuts:
        return allowed
    last = np.searchsorted(segment, segment[allowed], side="right") - 1
    at_border = (allowed - first[allowed] == reach - 1) | np.isin(last - allowed, (0, horizon - 1, horizon))
    borders = allowed[at_border]
    borders = rng.permutation(borders)[: params.leak_cuts // 2]
    parts = np.array_split(np.setdiff1d(allowed, borders), params.leak_cuts - borders.size)
    return np.union1d(borders, [rng.choice(part) for part in parts]).astype(np.int64)


class _Ledger:
    """The comparisons of one audit, as they are made."""

    def __init__(self, symbol: str, name: AuditName, columns: Sequence[str]) -> None:
        self._symbol, self._name, self._columns = symbol, name, columns
        self._cells = 0
        self._leaks: list[Leak] = []

    def compare(self, time: pd.Timestamp, whole: Cells | None, truncated: Cells | None) -> None:
        """Count and keep what differs in one row; None stands for a row that is not there."""
        if whole is None and truncated is None:
            return
        self._cells += len(self._columns)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ")
        absent = np.full(len(self._columns), np.nan)
        known = absent if whole is None else whole
        cut = absent if truncated is None else truncated
        is_same = (known.view(np.int64) == cut.view(np.int64)) | (np.isnan(known) & np.isnan(cut))
        if whole is None or truncated is None:
            is_same[:] = False
        for i in np.flatnonzero(~is_same):
            self._leaks.append(Leak(self._symbol, self._columns[i], stamp, float(known[i]), float(cut[i])))

    def close(self, reach: int) -> Audit:
        """Return the audit; raise QualityError if nothing could be compared."""
        if self._cells == 0:
            raise QualityError(
                f"{self._symbol}: the {self._name} audit found no row to compare; "
                f"it needs a segment of more than {reach} candles"
            )
        return Audit(self._symbol, self._name, self._cells, tuple(self._leaks))


def _row_at(
    build: Build, candles: pd.DataFrame, start: int, stop: int, cut: int, columns: Sequence[str]
) -> Cells | None:
    """Build on candles start..stop-1; return the row of candle `cut`, None where it is not there."""
    table = build(candles.iloc[start:stop].reset_index(drop=True))
    rows = table.loc[table["timestamp"] == candles["timestamp"].iloc[cut], list(columns)]
    return rows.iloc[-1].to_numpy(np.float64) if len(rows) else None
