"""A part of the feed once more with a leader that comes late, as a connection that stalls delivers it.

What serving promises then: it does not wait, so a follower is answered all the same, with the leader's last
close; and a late candle counts from the followers' next candle on, in every row that it belongs to. So the
answers are those of the feed in step, but for the numbers of followers whose leader was still to come.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.release.replay_feed import Feed
from tapeline.release.replay_stretches import Stretch
from tapeline.release.replayed_answers import require_same_answers

LATE_CANDLES = 300  # of time, at the end of what is replayed
PERIOD, FIRST = 8, 2  # candles from one stall to the next, and before the first candle that is held back
STALLS = 1, 2, 3  # candles of the leader that are held back, in turn; all of them come together
HOW = "where the leader's candles before had come late"


def require_same_late(feed: Feed, stretches: Sequence[Stretch], in_step: pd.DataFrame) -> int:
    """How many candles, of those fed with a leader that is late, are answered as they were `in_step`.

    None where no symbol has a leader. ArtifactError names the first candle that is answered otherwise.
    """
    leader = feed.leader
    if leader is None or len(feed.candles) < 2:
        return 0
    last = stretches[-1]
    part = Stretch(max(last.start, last.end - LATE_CANDLES * feed.step), last.end)
    fed = feed.arriving(part)
    phase, stall = stalls(fed["timestamp"], part.start, feed.step)
    is_leading = (fed["symbol"] == leader).to_numpy()
    is_held = is_leading & (phase >= FIRST) & (phase < FIRST + stall)
    # All come behind the followers' candles of the moment after, and before the leader's own of it.
    arrives = fed["timestamp"] + np.where(is_held, FIRST + stall - phase, 0) * feed.step
    order = np.where(is_held, 1, np.where(is_leading & (stall > 0) & (phase == FIRST + stall), 2, 0))
    late = fed.assign(arrives=arrives, order=order).sort_values(["arrives", "order"], kind="stable")
    found = feed.table(feed.records(part, late))
    expected = in_step[part.mask(in_step["timestamp"])].copy()
    for answers in (expected, found):
        phase, stall = stalls(answers["timestamp"], part.start, feed.step)
        is_waiting = (answers["symbol"] != leader).to_numpy() & (phase > FIRST) & (phase <= FIRST + stall)
        answers.loc[is_waiting, list(feed.contracts)] = np.nan
    require_same_answers(feed.contracts, expected, found, HOW)
    return len(found)


def stalls(
    timestamp: pd.Series, start: pd.Timestamp, step: pd.Timedelta
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Position in its period (n,) of each open time, and how many candles that period holds back (n,).

    Before `start` none is.
    """
    number = np.asarray((timestamp - start) // step, dtype=np.int64)
    stall = np.where(number < 0, 0, np.array(STALLS)[number // PERIOD % len(STALLS)])
    return number % PERIOD, stall
