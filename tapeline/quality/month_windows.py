"""The candles of one month of rows with those within reach of it: all that an audit of these rows is given.

What a month's audits say can so depend on no other candle, and need not be asked again while these are the
same. They are cut out of the raw candles by position and time, whatever made the table thinks of its inputs.
"""

from collections.abc import Sequence

import numpy as np

from tapeline.quality.ledger import History


def window_of(history: History, begin: int, stop: int, reach: int) -> History:
    """Rows `begin` to `stop` of `history`, which may be drawn, with `reach` candles on either side.

    Of the leader it has the candles from its last real one before the first of these up to the last's time.
    """
    first, last = max(begin - reach, 0), min(stop + reach, len(history.candles))
    candles = history.candles.iloc[first:last].reset_index(drop=True)
    leader = candles
    if history.leader is not history.candles:
        low = max(history.n_leader_candles(first) - 1, 0)
        high = int(np.searchsorted(history.leader_times, history.times[last - 1], side="right"))
        leader = history.leader.iloc[low:high].reset_index(drop=True)
    return History(history.symbol, candles, leader, (begin - first, stop - first))


def share_of_each(n_rows: Sequence[int], n_cuts: int) -> int:
    """The fewest candles that each month must have drawn, or all it has, for `n_cuts` of them in all.

    n_rows : that can be drawn, month by month
    """
    share = -(-n_cuts // max(1, len(n_rows)))
    while sum(min(share, n) for n in n_rows) < min(n_cuts, sum(n_rows)):
        share += 1
    return share
