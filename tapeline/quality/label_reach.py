"""Does a label depend on exactly the candles it declares: its own and the `horizon` after it?

That a value did not move when a candle was altered does not say that it never depends on it: after a flat
stretch before one move, the trend strength is 1 whatever the last close is. So each question is asked of
several altered markets. What a label may not know (candles before its own, behind its horizon, or of the
next segment) must change it in none of them; what it must know (its first candle and its last) has to
change it in one at least.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tapeline.quality.future import Build, row_at
from tapeline.quality.ledger import Cells, History, Ledger, cut_positions, drawn_by, replaced, with_garbage
from tapeline.quality.params import LeakParams
from tapeline.quality.report import Audit
from tapeline.schema import PRICES

WALK = 0.01  # standard deviation of the log steps of an altered horizon
FAR = 20.0  # log distance from that walk to what replaces others, or its first or last candle


def audit_label_reach(
    build: Build, history: History, labels: Sequence[str], reach: int, horizon: int, params: LeakParams
) -> Audit:
    """Check at each cut t that `labels` know the candles t..t+horizon of their segment, and no others.

    `reach` candles before t and behind its horizon are looked at; it is at least what the build needs
    before it has a row. A label is compared with itself when those are replaced or cut away, on the market
    as it is and on two altered ones: a random walk over the horizon, and one that ends where it began. It
    must be NaN when its last candle is cut off, and on the random walk it must not stay the same however
    far its first, or its last, candle is moved.
    """
    ledger = Ledger(history.symbol, "label_reach", labels)
    rng = drawn_by(history, "label_reach", params)
    for cut in cut_positions(history, reach, params, "label_reach", horizon):
        border = int(np.searchsorted(history.segment, history.segment[cut], side="right"))
        stop = min(cut + horizon + 1, border)
        start = cut - max(reach, horizon + 1) + 1
        part = history.part(max(start, 0), min(stop + max(reach, horizon), len(history.candles)))
        _audit_cut(_Cut(build, history.times[cut], labels, part, rng), stop - cut, horizon, ledger)
    return ledger.close(f"a segment of more than {reach} candles")


class _Cut:
    """The labels of one candle, asked of altered candles around it."""

    def __init__(
        self, build: Build, time: np.int64, labels: Sequence[str], part: History, rng: np.random.Generator
    ) -> None:
        self.time, self.part, self._build, self._labels, self._rng = time, part, build, labels, rng
        self.own = int(np.searchsorted(part.times, time))

    def labels(self, candles: pd.DataFrame) -> Cells:
        """The labels (1, L) as built from `candles`; NaN where there is no such row."""
        part = History(self.part.symbol, candles, self.part.leader)
        rows = row_at(self._build, part, self.time, self._labels)
        return rows if len(rows) else np.full((1, len(self._labels)), np.nan)

    def unknown(self) -> Cells:
        """The labels of a candle whose future is not there."""
        return np.full((1, len(self._labels)), np.nan)

    def others_replaced(self, candles: pd.DataFrame, n_own: int, distance: float) -> pd.DataFrame:
        """`candles` with garbage, `distance` away, in place of all but the `n_own` from the cut on."""
        others = np.setdiff1d(np.arange(len(candles)), np.arange(self.own, self.own + n_own))
        return moved(with_garbage(candles, others, self._rng), others, distance)

    def walk(self, n_own: int) -> pd.DataFrame:
        """The part with another way of its price over the `n_own` candles from the cut on."""
        steps = self._rng.normal(0, WALK, n_own)
        return moved(self.part.candles, self.own + np.arange(n_own), np.cumsum(steps))


def _audit_cut(cut: _Cut, n_own: int, horizon: int, ledger: Ledger) -> None:
    is_whole, own, time = n_own == horizon + 1, cut.own, np.array([cut.time])
    as_it_is = cut.part.candles
    expected = cut.labels(as_it_is) if is_whole else cut.unknown()
    ledger.compare(time, expected, cut.labels(as_it_is.iloc[: own + n_own]))
    ledger.compare(time, expected, cut.labels(cut.others_replaced(as_it_is, n_own, 0.0)))
    if not is_whole:
        ledger.compare(time, expected, cut.labels(as_it_is))
        return
    ledger.compare(time, cut.unknown(), cut.labels(as_it_is.iloc[: own + horizon]))
    walk, last = cut.walk(n_own), own + horizon
    tie = replaced(walk, np.array([last]), {name: walk[name].to_numpy()[[own]] for name in PRICES})
    for altered in (walk, tie):
        one, other = (cut.labels(cut.others_replaced(altered, n_own, far)) for far in (-FAR, FAR))
        ledger.compare(time, one, other)
    for row in (own, last):
        # Whether there is a label at all counts as a change only where the horizon is one candle.
        altered_markets = [moved(walk, np.array([row]), far) for far in (-FAR, FAR)] + [tie] * (horizon == 1)
        observed = np.concatenate([cut.labels(candles) for candles in altered_markets])
        ledger.count(observed.shape[1])
        is_stuck = ((observed == observed[0]) | (np.isnan(observed) & np.isnan(observed[0]))).all(axis=0)
        for column in np.flatnonzero(is_stuck):
            ledger.add(int(column), cut.time, np.nan, observed[0, column])  # any other value was expected


def moved(candles: pd.DataFrame, rows: np.ndarray, distance: np.ndarray | float) -> pd.DataFrame:
    """`candles` whose prices at `rows` are `distance` away, in logarithms."""
    return replaced(
        candles, rows, {name: candles[name].to_numpy()[rows] * np.exp(distance) for name in PRICES}
    )
