"""Where a history is cut into segments, and at which moment of each the future is replaced.

A segment that begins after a gap too long to fill knows nothing of what was before it, so that each is a
trial of its own and a pair of runs tries them all.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.sessions import SESSIONS
from tapeline.quality.replacement import Moves, as_candles, draw_future
from tapeline.schema import OHLCV

LEAST_ZONE, HORIZONS = 120, 4  # bars of a tile in which its moment may lie, or so many horizons if more
SPECIAL = 1 / 3  # of the moments, where there is one to choose
MADE_GAPS = 0.1  # of the moments, right behind a gap that is made in both runs
ANCHORED = 0.15  # of the tiles, laid so that a moment that is rare can be theirs
FAR = 0.5  # of the moments after which the next candle may be missing, too: other gaps

Array = NDArray[np.int64]
Tables = dict[str, pd.DataFrame]
Candles = tuple[Array, NDArray[np.float64]]  # open times (n,), OHLCV (n, 5)
CLOSE = OHLCV.index("close")


@dataclass(frozen=True)
class Clock:
    """Bars of one length, `first` the open time of bar 0, microseconds both."""

    first: int
    interval: int
    n_bars: int

    @classmethod
    def of(cls, candles: Tables, interval: int) -> "Clock":
        """From the first to the last candle of any symbol."""
        times = [times_of(table) for table in candles.values()]
        first, last = min(int(each[0]) for each in times), max(int(each[-1]) for each in times)
        return cls(first, interval, (last - first) // interval + 1)

    def time(self, bar: int) -> int:
        """Open time of `bar`."""
        return self.first + bar * self.interval

    def bars(self, times: Array) -> Array:
        """Bars that open at `times`."""
        return (times - self.first) // self.interval


@dataclass(frozen=True)
class Cut:
    """How long tiles are, in bars.

    warm_up : before the first moment of a tile, as the longest lookback and a label ask
    zone : in which moments lie; after : that are left behind the last; gap : without candles between tiles
    """

    warm_up: int
    zone: int
    after: int
    gap: int

    @classmethod
    def for_run(cls, lookback: int, horizon: int, max_fill: int) -> "Cut":
        """For features of `lookback`, labels of `horizon` and gaps of up to `max_fill` filled candles."""
        return cls(lookback, max(LEAST_ZONE, HORIZONS * horizon), horizon + 2, max_fill + 1)

    @property
    def length(self) -> int:
        """Bars of a tile."""
        return self.warm_up + self.zone + self.after


@dataclass(frozen=True)
class Pair:
    """Candles of two runs that differ after a moment of each tile alone.

    starts : first bar of each tile; moments : by symbol, open time from which its candles differ, by tile
    kinds : how many moments of which kind
    """

    base: Tables
    changed: Tables
    starts: Array
    moments: dict[str, Array]
    kinds: dict[str, int] = field(default_factory=dict)


def lay_tiles(n_bars: int, cut: Cut, anchors: Array, rng: np.random.Generator) -> Array:
    """First bars of tiles within `n_bars`, `cut.gap` bars or more apart, in order; none where too short.

    Some are laid around `anchors`, bars that are worth a moment, the others one after the other from a random
    bar on.
    """
    pitch = cut.length + cut.gap
    starts: list[int] = []
    for anchor in rng.permutation(anchors)[: int(ANCHORED * n_bars / pitch)]:
        start = int(anchor) - cut.warm_up - int(rng.integers(cut.zone))
        is_free = all(abs(start - other) >= pitch for other in starts)
        if is_free and start >= 0 and start + cut.length <= n_bars:
            starts.append(start)
    laid = sorted(starts)
    free = zip([0, *(start + pitch for start in laid)], [*laid, n_bars + cut.gap], strict=True)
    for begin, end in free:
        n_tiles = (end - begin) // pitch
        spare = (end - begin) - n_tiles * pitch
        # Most of what is left over is between the first and the last: shifted cuts meet other bars.
        offset = int(rng.integers(spare + 1)) if n_tiles else 0
        starts += [begin + offset + k * pitch for k in range(n_tiles)]
    return np.array(sorted(starts), dtype=np.int64)


def special_bars(candles: Tables, clock: Clock, max_fill: int) -> dict[str, Array]:
    """Bars that are worth a moment, by kind: after gaps, at starts of segments, midnights, clock changes."""
    steps = {name: np.diff(clock.bars(times_of(table))) for name, table in candles.items()}
    after = {name: clock.bars(times_of(table))[1:] for name, table in candles.items()}
    all_after = [after[name][steps[name] > 1] for name in candles]
    all_starts = [after[name][steps[name] > max_fill + 1] for name in candles]
    bars = np.arange(clock.n_bars)
    times = pd.DatetimeIndex((clock.first + bars * clock.interval).view("datetime64[us]"), tz="UTC")
    is_change = np.zeros(clock.n_bars, dtype=bool)
    for zone, *_ in SESSIONS.values():
        local = times.tz_convert(zone).tz_localize(None).to_numpy("datetime64[us]").view(np.int64)
        is_change[1:] |= np.diff(local) != clock.interval
    return {
        "clock change": bars[is_change],
        "segment start": np.unique(np.concatenate(all_starts)),
        "gap border": np.unique(np.concatenate(all_after)),
        "midnight": bars[(times.hour == 0) & (times.minute == 0)],
    }


def make_pair(
    candles: Tables, moves: dict[str, Moves], clock: Clock, cut: Cut, rng: np.random.Generator
) -> Pair:
    """Cut real `candles` into tiles and replace the future of each after a moment of it.

    The first symbol, which leads, changes a candle earlier than the others: its own candle of the same time
    is not known when theirs closes.
    """
    special = special_bars(candles, clock, cut.gap - 1)
    rare = np.concatenate([special["clock change"], special["segment start"]])
    starts = lay_tiles(clock.n_bars, cut, rare, rng)
    chosen = [_choose(start, cut, special, rng) for start in starts]
    made = rng.random(len(starts)) < MADE_GAPS
    missing = np.where(made, rng.integers(1, cut.gap, len(starts)) if cut.gap > 1 else 0, 0)
    keeps = (rng.random(len(starts)) >= FAR) | made
    moments: dict[str, Array] = {}
    base, changed = {}, {}
    for position, (symbol, table) in enumerate(candles.items()):
        bars = np.array([bar for bar, _ in chosen], dtype=np.int64)
        if position == 0 and len(candles) > 1:
            bars = bars - 1
        moments[symbol] = clock.first + bars * clock.interval
        ends = starts + cut.length
        tiles = _Tiles(
            clock.time(0) + starts * clock.interval, moments[symbol], clock.first + ends * clock.interval
        )
        base[symbol], changed[symbol] = _replace(table, moves[symbol], tiles, missing, keeps, rng)
    kinds = Counter("made gap" if gap else kind for (_, kind), gap in zip(chosen, missing > 0, strict=True))
    return Pair(base, changed, starts, moments, dict(kinds))


@dataclass(frozen=True)
class _Tiles:
    """Times [begin, end) of tiles, and the moment of each; (k,) each."""

    begin: Array
    moment: Array
    end: Array


def _choose(start: int, cut: Cut, special: dict[str, Array], rng: np.random.Generator) -> tuple[int, str]:
    """The bar of a tile's moment, and of what kind it is."""
    first, end = start + cut.warm_up, start + cut.warm_up + cut.zone
    kinds = {kind: bars[(bars >= first) & (bars < end)] for kind, bars in special.items()}
    there = [kind for kind, bars in kinds.items() if len(bars)]
    if there and rng.random() < SPECIAL:
        kind = there[0] if rng.random() < 0.5 else str(rng.choice(there))  # the rarest come first
        return int(rng.choice(kinds[kind])), kind
    return int(rng.integers(first, end)), "any"


def _replace(
    table: pd.DataFrame,
    moves: Moves,
    tiles: _Tiles,
    missing: Array,
    keeps: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One symbol's candles in tiles, as they are and with other ones from each tile's moment on.

    missing : candles taken out right before each moment; keeps : whether the first candle after it stays at
    its time
    """
    times, values = times_of(table), table[list(OHLCV)].to_numpy(np.float64)
    base: list[Candles] = []
    changed: list[Candles] = []
    for k in range(len(tiles.begin)):
        first, at, end = np.searchsorted(times, (tiles.begin[k], tiles.moment[k], tiles.end[k]))
        last = np.searchsorted(times, tiles.moment[k] - missing[k] * moves.interval)
        if first >= last:  # a gap that would leave nothing before it is not made
            last = at
        has_both = first < last and at < end
        before = times[first:last], values[first:last]
        after = times[at:end], values[at:end]
        future = after
        if has_both:
            stays = int(times[at]) if keeps[k] else None
            close = float(values[last - 1, CLOSE])
            future = draw_future(moves, close, int(tiles.moment[k]), int(times[end - 1]), rng, stays)
        base += [before, after]
        changed += [before, future]
    return _join(base), _join(changed)


def _join(parts: Sequence[Candles]) -> pd.DataFrame:
    """Candles in parts, below each other; none without a part."""
    if not parts:
        return as_candles(np.empty(0, dtype=np.int64), np.empty((0, len(OHLCV))))
    times, values = zip(*parts, strict=True)
    return as_candles(np.concatenate(times), np.concatenate(values))


def times_of(table: pd.DataFrame) -> Array:
    """Open times in microseconds; shape (n,)."""
    return table["timestamp"].to_numpy("datetime64[us]").view(np.int64)


def replace_after(table: pd.DataFrame, moves: Moves, moment: int, rng: np.random.Generator) -> pd.DataFrame:
    """Real candles with other ones from `moment` on, the first and the last at their times."""
    times = times_of(table)
    at = int(np.searchsorted(times, moment))
    if at in (0, len(times)):
        return table
    values = table[list(OHLCV)].to_numpy(np.float64)
    future = draw_future(moves, float(values[at - 1, CLOSE]), moment, int(times[-1]), rng, int(times[at]))
    return _join([(times[:at], values[:at]), future])
