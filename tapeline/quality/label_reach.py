"""Does a label depend on exactly the candles it declares: its own and the `horizon` after it?"""

from collections.abc import Sequence

import numpy as np

from tapeline.quality.future import Build, row_at
from tapeline.quality.ledger import Cells, History, Ledger, cut_positions, with_garbage
from tapeline.quality.params import QualityParams
from tapeline.quality.report import Audit
from tapeline.schema import PRICES

MOVED = (7.0, 1 / 7)  # a first or last candle moved so far up and down changes any label of more than one


def audit_label_reach(
    build: Build, history: History, labels: Sequence[str], reach: int, horizon: int, params: QualityParams
) -> Audit:
    """Check at each cut t that `labels` know the candles t..t+horizon of their segment, and no others.

    A label must stay when candles after t+horizon, or of the next segment, are added, and when all
    candles but those have garbage in them; it must be NaN when the last of them is cut off; and it must
    change when the first or the last of them is moved far enough, up or down. `reach` (candles) is what
    the build needs before it has a row.
    """
    ledger = Ledger(history.symbol, "label_reach", labels)
    rng = np.random.default_rng(params.seed)
    for cut in cut_positions(history, reach, params, horizon):
        border = int(np.searchsorted(history.segment, history.segment[cut], side="right"))
        start, stop = cut - reach + 1, min(cut + horizon + 1, border)
        far = history.part(start, min(stop + reach, len(history.candles)))
        time, own = history.times[cut], cut - start  # the cut's row in each part
        whole = _labels_at(build, far, time, labels)
        ledger.compare(
            history.times[[cut]],
            whole,
            _labels_at(build, history.part(start, stop), time, labels),
        )
        short = history.part(start, min(cut + horizon, border))
        unknown = np.full((1, len(labels)), np.nan)
        ledger.compare(history.times[[cut]], unknown, _labels_at(build, short, time, labels))
        others = np.setdiff1d(np.arange(len(far.candles)), np.arange(own, own + stop - cut))
        spoilt = History(far.symbol, with_garbage(far.candles, others, rng), far.leader)
        ledger.compare(history.times[[cut]], whole, _labels_at(build, spoilt, time, labels))
        if horizon > 1 and stop == cut + horizon + 1:
            for row in (own, own + horizon):
                _expect_change(ledger, build, far, row, time, whole, labels)
    return ledger.close(f"a segment of more than {reach} candles")


def _expect_change(
    ledger: Ledger, build: Build, part: History, row: int, time: np.int64, whole: Cells, labels: Sequence[str]
) -> None:
    moved = []
    for factor in MOVED:
        candles = part.candles.copy()
        candles.loc[row, list(PRICES)] *= factor
        moved.append(_labels_at(build, History(part.symbol, candles, part.leader), time, labels))
    ledger.count(len(labels))
    is_stuck = (moved[0] == whole) & (moved[1] == whole)
    for column in np.flatnonzero(is_stuck[0]):
        ledger.add(column, time, np.nan, whole[0, column])


def _labels_at(build: Build, part: History, time: np.int64, labels: Sequence[str]) -> Cells:
    rows = row_at(build, part, time, labels)
    return rows if len(rows) else np.full((1, len(labels)), np.nan)
