"""Another future that a market could as well have had: its own candles, in blocks, in other order and sign.

Blocks of consecutive candles are drawn from a symbol's history with their shapes, volumes and gaps, mirrored
at random, and put behind a last close. What depends on nothing after that close stays as it was.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import OHLCV, TIMESTAMP_TYPE

BLOCK = 60  # candles drawn together, so that volatility, volume and gaps keep their clusters
FARTHEST = 0.5  # log of the price over the last close; from there on blocks lead back
# Of the median range, how far the first open lies off the last close: where every candle opens at the close
# before it, whoever looks at the next open would see nothing new.
JUMP = (0.1, 0.5)
FEWEST = 2  # candles that a history must have: a candle is drawn by what it is after the one before


@dataclass(frozen=True)
class Moves:
    """A history as what each candle is after the one before; arrays (n,).

    interval : of a candle, microseconds; decimals : of its prices
    steps : candles since the one before, 1 without a gap; gaps : log of the open over the close before
    high, low, close : logs over the open; volume : as it was
    """

    interval: int
    decimals: int
    steps: NDArray[np.int64]
    gaps: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]

    @cached_property
    def width(self) -> float:
        """Median log of a high over its low."""
        return float(np.median(self.high - self.low))

    @classmethod
    def of(cls, candles: pd.DataFrame, interval: int, decimals: int) -> "Moves":
        """Of real `candles` in order of time; ValueError where they are too few."""
        if len(candles) < FEWEST:
            raise ValueError(f"{len(candles)} candles are too few to draw others from")
        times = candles["timestamp"].to_numpy("datetime64[us]").view(np.int64)
        open_, high, low, close, volume = (candles[name].to_numpy(np.float64) for name in OHLCV)
        highs, lows, closes = (np.log(each[1:] / open_[1:]) for each in (high, low, close))
        gaps = np.log(open_[1:] / close[:-1])
        return cls(interval, decimals, np.diff(times) // interval, gaps, highs, lows, closes, volume[1:])


def draw_future(
    moves: Moves, last_close: float, begin: int, end: int, rng: np.random.Generator, first: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Candles from `begin` to `end`, open times in microseconds, behind a candle that closed at `last_close`.

    The last opens at `end`, where the candles that they replace end, too; the first at `first`, or, None,
    wherever the gap that is drawn leaves it. Returns open times (n,) and OHLCV (n, 5).
    """
    n_slots = (end - begin) // moves.interval + 1
    start = None if first is None else (first - begin) // moves.interval
    rows, signs, slots = _draw_rows(moves, n_slots, start, rng)
    steps = np.diff(slots, prepend=-1)
    gaps = np.where(steps == moves.steps[rows], signs * moves.gaps[rows], 0.0)
    gaps[0] = _jump(moves, rng)
    closes = signs * moves.close[rows]
    opens = np.concatenate([[0.0], np.cumsum(gaps + closes)[:-1]]) + np.log(last_close) + gaps
    is_mirrored = signs < 0
    highs = np.where(is_mirrored, -moves.low[rows], moves.high[rows])
    lows = np.where(is_mirrored, -moves.high[rows], moves.low[rows])
    prices = np.exp(np.stack([opens, opens + highs, opens + lows, opens + closes], axis=1))
    # Rounding keeps order, so that open and close stay within low..high.
    prices = np.maximum(np.round(prices, moves.decimals), 10.0**-moves.decimals)
    return begin + slots * moves.interval, np.column_stack([prices, moves.volume[rows]])


def as_candles(times: NDArray[np.int64], values: NDArray[np.float64]) -> pd.DataFrame:
    """A table of `timestamp` and OHLCV of open times in microseconds (n,) and values (n, 5)."""
    stamps = pd.DatetimeIndex(times.view("datetime64[us]"), tz="UTC").astype(TIMESTAMP_TYPE)
    return pd.DataFrame({"timestamp": stamps, **dict(zip(OHLCV, values.T, strict=True))})


def _draw_rows(
    moves: Moves, n_slots: int, first: int | None, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Rows of `moves`, their signs, and the slot of each candle, rising up to `n_slots` - 1."""
    block = min(BLOCK, len(moves.steps))
    rows, signs = [], []
    reached, height = -1, 0.0
    while reached < n_slots - 1:
        begin = int(rng.integers(len(moves.steps) - block + 1))
        drawn = np.arange(begin, begin + block)
        sign, move = int(rng.choice((-1, 1))), float(moves.close[drawn].sum() + moves.gaps[drawn].sum())
        if abs(height) > FARTHEST:
            sign = -1 if move * height > 0 else 1
        rows.append(drawn)
        signs.append(np.full(block, sign))
        height += sign * move
        steps = moves.steps[drawn].copy()
        if first is not None and reached < 0:
            steps[0] = first + 1
        reached += int(steps.sum())
    row, sign_of = np.concatenate(rows), np.concatenate(signs)
    steps = moves.steps[row].copy()
    if first is not None:
        steps[0] = first + 1
    slots = np.cumsum(steps) - 1
    is_within = slots < n_slots - 1
    n_kept = int(is_within.sum()) + 1  # and one candle more, at the last slot, whatever its gap was
    return row[:n_kept], sign_of[:n_kept], np.append(slots[: n_kept - 1], n_slots - 1)


def _jump(moves: Moves, rng: np.random.Generator) -> float:
    return float(rng.choice((-1, 1)) * rng.uniform(*JUMP) * moves.width)
