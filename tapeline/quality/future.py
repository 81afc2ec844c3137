"""Does a column know candles after its own? Build it with and without them, or with garbage in their place.

Both builds start at the same candle, so a causal column comes out equal to the last bit, recursive
indicators included; any difference is knowledge of the future. The functions under audit are handed
in, so this works on any feature set.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from tapeline.quality.ledger import Cells, History, Ledger, cut_positions, drawn_by
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit

# From candles and the leader's candles to a table with a `timestamp`; rows in warm-up are left out.
Build = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
# The same, its rows in order in blocks, one at least.
BuildBlocks = Callable[[pd.DataFrame, pd.DataFrame], Iterator[pd.DataFrame]]
# From two histories to such blocks of both tables, the same rows of both; rows that are made from the same
# candles in both may be left out.
BuildBoth = Callable[[History, History], tuple[Iterator[pd.DataFrame], Iterator[pd.DataFrame]]]
ROWS_AT_ONCE = 8192
CUTS_PER_POISON = 16  # a poisoned table is compared whole, so far fewer are enough


def audit_truncation(
    build: Build, history: History, columns: Sequence[str], reach: int, params: LeakParams
) -> Audit:
    """Compare `columns` at each cut, built up to the cut and built with `reach` candles after it.

    `reach` (candles) must be at least the longest lookback, so that there is a row at every cut. A row
    that is there in one of the two alone differs in every column.
    """
    ledger = Ledger(history.symbol, "truncation", columns)
    rng = drawn_by(history, "truncation", params)
    for cut in cut_positions(history, reach, params, "truncation"):
        # From up to an hour earlier, so that a column that depends on its position in the part shows.
        first = int(np.searchsorted(history.segment, history.segment[cut]))
        start = max(cut - reach + 1 - int(rng.integers(60)), first)
        truncated = row_at(build, history.part(start, cut + 1), history.times[cut], columns)
        end = min(cut + 1 + reach, len(history.candles))
        whole = row_at(build, history.part(start, end), history.times[cut], columns)
        if len(whole) or len(truncated):
            absent = np.full((1, len(columns)), np.inf)
            ledger.compare(
                history.times[[cut]],
                whole if len(whole) else absent,
                truncated if len(truncated) else absent,
            )
    return ledger.close(f"a segment of more than {reach} candles")


def all_rows(build: BuildBlocks) -> BuildBoth:
    """Both tables whole."""

    def both(one: History, other: History) -> tuple[Iterator[pd.DataFrame], Iterator[pd.DataFrame]]:
        return build(one.candles, one.leader), build(other.candles, other.leader)

    return both


def audit_poison(
    build: BuildBoth,
    history: History,
    columns: Sequence[str],
    labels: Sequence[str],
    reach: int,
    horizon: int,
    params: LeakParams,
) -> Audit:
    """Put garbage into all candles after a cut: no row up to it may move, no label that ends by it either.

    All candles are there, so a column that looks ahead by any distance, or at the whole of a series, is seen
    wherever it does. Both tables are built and compared a block of rows at a time; rows that `build` leaves
    out are made from the same candles in both.
    """
    ledger = Ledger(history.symbol, "poison", [*columns, *labels])
    rng = drawn_by(history, "poison", params)
    # At least two: one may lie behind a silent leader, whose own minute says nothing there.
    fewer = params.model_copy(update={"leak_cuts": max(2, params.leak_cuts // CUTS_PER_POISON)})
    for cut in cut_positions(history, reach, fewer, "poison"):
        differing = _moved(build, history, cut, rng, ledger, [*columns, *labels], len(columns), horizon)
        for column in sorted(differing):
            ledger.add(column, *differing[column])
    return ledger.close(f"a segment of more than {reach} candles")


def _moved(
    build: BuildBoth,
    history: History,
    cut: np.int64,
    rng: np.random.Generator,
    ledger: Ledger,
    columns: Sequence[str],
    n_features: int,
    horizon: int,
) -> dict[int, tuple[np.int64, float, float]]:
    """By column, the first row up to the cut that garbage after it moves; labels are behind the features."""
    poisoned = history.poisoned_after(int(cut), rng)
    whole, poisoned_blocks = build(history, poisoned)
    others = Rows(poisoned_blocks, columns)
    differing: dict[int, tuple[np.int64, float, float]] = {}
    for clean in few_rows(whole):
        times = clean["timestamp"].to_numpy("datetime64[us]").view(np.int64)
        n_before = int(np.searchsorted(times, history.times[cut], side="right"))
        expected = clean[list(columns)].to_numpy(np.float64)[:n_before]
        observed = others.take(n_before)
        is_open = (
            times[:n_before] > history.times[max(int(cut) - horizon, 0)]
        )  # labels that end after the cut
        observed[is_open, n_features:] = expected[is_open, n_features:]
        differing = ledger.differing(times[:n_before], expected, observed) | differing
        if n_before < len(times):
            break
    return differing


class Rows:
    """Rows of a table that comes in blocks, taken in order, however many at a time."""

    def __init__(self, blocks: Iterator[pd.DataFrame], columns: Sequence[str]) -> None:
        self._blocks, self._columns = few_rows(blocks), list(columns)
        self._left = np.empty((0, len(columns)))

    def take(self, n_rows: int) -> Cells:
        """The next `n_rows`, (n_rows, F); those that are not there are infinite, and so differ."""
        while len(self._left) < n_rows and (block := next(self._blocks, None)) is not None:
            self._left = np.concatenate([self._left, block[self._columns].to_numpy(np.float64)])
        taken, self._left = self._left[:n_rows].copy(), self._left[n_rows:]
        return np.concatenate([taken, np.full((n_rows - len(taken), len(self._columns)), np.inf)])


def few_rows(blocks: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same rows in smaller blocks, so that little is held in double precision."""
    for block in blocks:
        for first in range(0, max(1, len(block)), ROWS_AT_ONCE):
            yield block.iloc[first : first + ROWS_AT_ONCE]


def row_at(build: Build, part: History, time: np.int64, columns: Sequence[str]) -> Cells:
    """Build on `part`; return the row (1, F) of the candle that opens at `time`, (0, F) where it is not."""
    table = build(part.candles, part.leader)
    is_row = table["timestamp"].to_numpy("datetime64[us]").view(np.int64) == time
    cells = np.empty((np.count_nonzero(is_row), len(columns)))
    for k, column in enumerate(columns):  # `loc` of both at once takes several times as long
        cells[:, k] = table[column].to_numpy(np.float64)[is_row]
    return cells
