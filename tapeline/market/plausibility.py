"""Candles that are possible and not plausible: they are read, and reported with file, row and value.

Thresholds lie beyond all that 2.9 million real candles hold (Binance spot and perpetuals of 2023, Bitfinex of
2016 and 2018, as 1, 5, 15 and 60 minutes): the largest wick on ordinary volume is 4 % in a minute.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.market.findings import Finding
from tapeline.market.raw import RawCandles
from tapeline.market.times import DAY, HOUR, MINUTE, microseconds
from tapeline.market.volumes import find_volume_shift

WICK = 1.07  # times the highs of both neighbours, or their lows divided by so much: a tenth above the close
LONG_WICK = 1.15  # of candles longer than LONG, which reach further
LONG = 5 * MINUTE
UNUSUAL = 8.0  # times the median volume around: a real crash is traded
AROUND = 60  # traded candles on either side
LEAP = 1.1  # between the ranges of two candles that follow each other, of which the largest is 1.008
LEAPS = ((1.2, HOUR), (1.8, DAY), (4.0, 30 * DAY))  # across a gap of at most so long; the first if filled


def find_implausible(kept: pd.DataFrame, raw: RawCandles, interval: int, max_fill: int) -> list[Finding]:
    """Look over `kept`, sorted rows of `raw`; `interval` in microseconds, `max_fill` in candles."""
    gaps = np.diff(microseconds(kept["timestamp"]))
    is_near = gaps <= (max_fill + 1) * interval  # (rows - 1,)
    findings = [
        _find_leaps(kept, raw, gaps, interval, is_near),
        _find_wicks(kept, raw, is_near, WICK if interval <= LONG else LONG_WICK),
        _find_untraded_moves(kept, raw, gaps == interval),
        find_volume_shift(kept, raw),
    ]
    return [finding for finding in findings if finding is not None]


def _find_wicks(
    kept: pd.DataFrame, raw: RawCandles, is_near: NDArray[np.bool_], factor: float
) -> Finding | None:
    """A candle that alone reaches `factor` beyond both its neighbours, on ordinary volume."""
    high, low, volume = (kept[name].to_numpy() for name in ("high", "low", "volume"))
    with np.errstate(over="ignore"):  # beyond all numbers is far enough
        up = high[1:-1] / np.maximum(high[:-2], high[2:])  # (rows - 2,)
        down = np.minimum(low[:-2], low[2:]) / low[1:-1]
    is_out = (np.maximum(up, down) >= factor) & is_near[:-1] & is_near[1:]
    rows = [
        row
        for row in map(int, np.flatnonzero(is_out) + 1)
        if volume[row] < UNUSUAL * _median_around(volume, row)
    ]
    if not rows:
        return None
    worst = max(rows, key=lambda row: max(up[row - 1], down[row - 1]))
    name = "high" if up[worst - 1] >= down[worst - 1] else "low"
    before, value, after = kept[name].iloc[worst - 1 : worst + 2]
    return Finding(
        "wicks",
        len(rows),
        f"{raw.place_of(kept.iloc[worst])}: {name} is {value:.10g}, between {before:.10g} and {after:.10g} "
        f"of its neighbours, on no unusual volume: a broken price perhaps{_among(len(rows), 'the worst of')}",
    )


def _find_leaps(
    kept: pd.DataFrame, raw: RawCandles, gaps: NDArray[np.int64], interval: int, is_near: NDArray[np.bool_]
) -> Finding | None:
    """Candles whose whole range lies too far from that of the candle before, for however short a while."""
    high, low = kept["high"].to_numpy(), kept["low"].to_numpy()
    apart = np.maximum(low[1:] / high[:-1], low[:-1] / high[1:])  # (rows - 1,)
    is_leap = (gaps == interval) & (apart >= LEAP)
    for factor, gap in LEAPS:
        is_leap |= (gaps <= gap) & (apart >= factor) & (is_near | (gap > HOUR))
    if not is_leap.any():
        return None
    worst, n_leaps = int(np.argmax(np.where(is_leap, apart, 0.0))), int(is_leap.sum())
    before, after = kept.iloc[worst], kept.iloc[worst + 1]
    return Finding(
        "leaps",
        n_leaps,
        f"{raw.place_of(after)}: low..high is {after['low']:.10g}..{after['high']:.10g}, in "
        f"{raw.place_of(before)}, the one before, {before['low']:.10g}..{before['high']:.10g}: a broken "
        f"price perhaps{_among(n_leaps, 'the worst of')}",
    )


def _median_around(volume: NDArray[np.float64], row: int) -> float:
    around = np.concatenate([volume[max(0, row - AROUND) : row], volume[row + 1 : row + 1 + AROUND]])
    traded = around[around > 0]
    return float(np.median(traded)) if len(traded) else np.inf


def _find_untraded_moves(kept: pd.DataFrame, raw: RawCandles, is_next: NDArray[np.bool_]) -> Finding | None:
    """Candles without volume that have a range, or another close than the candle before."""
    is_untraded = (kept["volume"] == 0).to_numpy()
    has_range = (kept["high"] > kept["low"]).to_numpy()
    has_moved = np.append(False, is_next & (np.diff(kept["close"].to_numpy()) != 0))
    is_odd = is_untraded & (has_range | has_moved)
    if not is_odd.any():
        return None
    row, n_odd = kept.iloc[int(np.argmax(is_odd))], int(is_odd.sum())
    return Finding(
        "moves_without_volume",
        n_odd,
        f"{raw.place_of(row)}: volume is 0, the price moves: low {row['low']:.10g}, high {row['high']:.10g}"
        f", close {row['close']:.10g}{_among(n_odd, 'the first of')}",
    )


def _among(count: int, which: str) -> str:
    return f"; {which} {count} candles" if count > 1 else ""
