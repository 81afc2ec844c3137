"""Which stretches of a test are replayed: all of it, or, of a long one, its end and what lies after gaps."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Stretch:
    """Candles of all symbols that open in [start, end)."""

    start: pd.Timestamp
    end: pd.Timestamp

    def mask(self, timestamp: pd.Series) -> pd.Series:
        """Whether each time lies in it."""
        return (timestamp >= self.start) & (timestamp < self.end)


def choose_stretches(
    rows: pd.DataFrame, limit: int, after_gap: int, warm_up: int, step: pd.Timedelta
) -> tuple[Stretch, ...]:
    """Stretches of `rows` in order of time: all of them if they are at most `limit`.

    Of more it is the end of the test, three quarters of the limit, and with the rest the `after_gap` candles
    that follow each gap, filled or not, before that end, the latest first, their warm-up counted.

    rows : `symbol`, `timestamp`, `is_after_gap` of every candle that could be replayed
    warm_up : candles that are fed before a stretch; step : from candle to candle
    """
    times = rows["timestamp"].sort_values().reset_index(drop=True)
    end = times.iloc[-1] + step
    if len(rows) <= limit:
        return (Stretch(times.iloc[0], end),)
    start = times.iloc[-max(1, 3 * limit // 4)]
    if (times >= start).sum() > limit:  # candles of one moment count together
        start += step
    chosen = [Stretch(start, end)]
    left = limit - int((times >= start).sum())
    gaps = rows.loc[rows["is_after_gap"] & (rows["timestamp"] < start), "timestamp"]
    for gap in sorted(gaps.unique(), reverse=True):
        stretch = Stretch(gap, min(gap + after_gap * step, chosen[-1].start))
        n_rows = int(stretch.mask(times).sum())
        if n_rows + warm_up > left:
            break
        if n_rows:
            chosen.append(stretch)
            left -= n_rows + warm_up
    return tuple(reversed(chosen))


def in_any(stretches: Iterable[Stretch], timestamp: pd.Series) -> pd.Series:
    """Whether each time lies in one of `stretches`."""
    within = pd.Series(False, index=timestamp.index)
    for stretch in stretches:
        within |= stretch.mask(timestamp)
    return within
