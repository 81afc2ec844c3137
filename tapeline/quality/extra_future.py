"""Does a column know rows of `data.extra` before they are known? Replace them, and build it again."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.extra import KNOWN, SYMBOL, Extra, known_times
from tapeline.quality.ledger import History, Ledger, drawn_by
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit

Rebuild = Callable[[Sequence[Extra]], pd.DataFrame]  # from other rows to the table of a history's candles
CUTS_PER_REBUILD = 16  # a table is built and compared whole, so far fewer are enough
SHIFTS = (1, 60_000_000)  # microseconds after the cut of rows that are put in: at once, and a minute later


def audit_known_at(
    rebuild: Rebuild, history: History, columns: Sequence[str], extras: Sequence[Extra], params: LeakParams
) -> Audit:
    """Replace all rows known after a candle's close, or take them out: no row up to it may move.

    Each cut is a close, half of them one at which, or right before which, a row becomes known: an input that
    is looked up a moment too early is seen there.
    """
    ledger, clean = Ledger(history.symbol, "known_at", columns), rebuild(extras)
    times = clean["timestamp"].to_numpy("datetime64[us]").view(np.int64)
    rng = drawn_by(history, "known_at", params)
    for turn, cut in enumerate(_cuts(times, history, extras, params, rng)):
        changed = [replaced_after(each, cut, rng) if turn % 2 else known_until(each, cut) for each in extras]
        n_before = int(np.searchsorted(times, cut - history.step, side="right"))
        expected = clean[list(columns)].to_numpy(np.float64)[:n_before]
        observed = rebuild(changed)[list(columns)].to_numpy(np.float64)[:n_before]
        ledger.compare(times[:n_before], expected, observed)
    return ledger.close("a row of its table")


def _cuts(
    times: NDArray[np.int64], history: History, extras: Sequence[Extra], params: LeakParams,
    rng: np.random.Generator,
) -> NDArray[np.int64]:  # fmt: skip
    """Closes to cut at, microseconds; shape (k,)."""
    closes = times + history.step
    if not len(closes):
        return closes
    known = np.concatenate([known_times(extra.of(history.symbol)) for extra in extras])
    at = np.searchsorted(closes, known)
    near = np.unique(np.concatenate([at, at - 1]))
    near = near[(near >= 0) & (near < len(closes))]
    n_cuts = max(4, params.leak_cuts // CUTS_PER_REBUILD)
    chosen = [
        rng.choice(pool, min(n_cuts // 2, len(pool)), replace=False)
        for pool in (near, np.arange(len(closes)))
    ]
    cuts: NDArray[np.int64] = closes[np.unique(np.concatenate(chosen))]
    return cuts


def known_until(extra: Extra, moment: int) -> Extra:
    """The same without the rows known after `moment`, microseconds."""
    return replace(extra, rows=extra.rows[known_times(extra.rows) <= moment].reset_index(drop=True))


def replaced_after(extra: Extra, moment: int, rng: np.random.Generator, end: int | None = None) -> Extra:
    """The same with other rows known after `moment`, and, given an `end`, no later than that.

    Each symbol's rows there have values of others, far off, some of them at other times, some missing; and
    right after the moment there are new ones.
    """
    known = known_times(extra.rows)
    is_changed = (known > moment) & (known <= (np.iinfo(np.int64).max if end is None else end))
    parts = [extra.rows[~is_changed]]
    for symbol, own in extra.rows.groupby(SYMBOL, sort=False):
        later = own[is_changed[own.index]]
        later = later[rng.random(len(later)) < 0.8]
        moved = later[KNOWN] - np.where(
            rng.random(len(later)) < 0.5, rng.integers(0, 30_000_000, len(later)), 0
        )
        soon = [moment + shift for shift in SHIFTS if end is None or moment + shift <= end]
        at = np.unique(
            np.concatenate([np.maximum(moved.to_numpy(np.int64), moment + 1), soon]).astype(np.int64)
        )
        made = own.iloc[rng.integers(len(own), size=len(at))].assign(**{KNOWN: at, SYMBOL: symbol})
        for column, kind in extra.params.columns.items():
            factor = np.exp(rng.normal(0, 1, len(at)))
            spread = 0.0 if kind == "price" else rng.normal(0, 1 + float(own[column].std(ddof=0)), len(at))
            made[column] = made[column].to_numpy(np.float64) * factor + spread
        parts.append(made)
    rows = pd.concat(parts, ignore_index=True).astype(extra.rows.dtypes)
    return replace(extra, rows=rows.sort_values([KNOWN, SYMBOL], kind="stable").reset_index(drop=True))
