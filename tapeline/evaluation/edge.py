"""Where an edge would be, if any: gross moves by confidence and holding time, beside what a trade costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.evaluation.significance import ratio_interval

FloatArray = NDArray[np.float64]
BPS = 1e-4  # one basis point, as a fraction
ALL = "all"  # symbols together


@dataclass(frozen=True)
class Calls:
    """Predictions as round trips would follow them; arrays of one length.

    bar, symbol : where the price stands that a trade opens at
    side : 1 long, -1 short
    share : the smallest of the tried shares that the call's confidence is within; NaN outside all
    day : of the decision, any integers
    """

    bar: NDArray[np.int64]
    symbol: NDArray[np.int64]
    side: NDArray[np.int64]
    share: FloatArray
    day: NDArray[np.int64]


def round_trips(
    opens: FloatArray, one_way: FloatArray, calls: Calls, hold: int
) -> tuple[FloatArray, FloatArray]:
    """Gross move in the direction of a call, open to open `hold` bars on, and its costs; bps, (n,) each.

    opens : (n_bars, n_symbols) prices, NaN where there is no candle; one_way : likewise, costs of a fill as a
    fraction. Both NaN where either end has no candle, so that such a trade would have ended otherwise, or a
    fill whose cost is not known yet.
    """
    last = calls.bar + hold
    is_inside = last < len(opens)
    last = np.where(is_inside, last, calls.bar)
    begun, ended = opens[calls.bar, calls.symbol], opens[last, calls.symbol]
    gross = np.where(is_inside, calls.side * (ended / begun - 1), np.nan)
    cost = one_way[calls.bar, calls.symbol] + one_way[last, calls.symbol]
    is_known = np.isfinite(gross) & np.isfinite(cost)
    gross_bps, cost_bps = (np.where(is_known, values / BPS, np.nan) for values in (gross, cost))
    return gross_bps, cost_bps


def edge_table(
    opens: FloatArray,
    one_way: FloatArray,
    calls: Calls,
    symbols: tuple[str, ...],
    shares: tuple[float, ...],
    holds: tuple[int, ...],
    level: float,
) -> pd.DataFrame:
    """A row per symbol (and all), share of the most confident calls, and holding time in bars.

    gross_bps with low and high : mean gross move and its interval over days
    cost_bps : mean costs of these round trips, without swap
    cost_multiple : gross over cost: the multiple of all costs at which they break even; None below 0
    """
    rows = []
    for hold in holds:
        gross, cost = round_trips(opens, one_way, calls, hold)
        for (symbol, share), where in _cells(calls, symbols, shares):
            chosen = where & np.isfinite(gross)
            rows.append(
                {"symbol": symbol, "share": share, "hold": hold, "rows": int(chosen.sum())}
                | _cell(gross[chosen], cost[chosen], calls.day[chosen], level)
            )
    return pd.DataFrame(rows)


def _cells(
    calls: Calls, symbols: tuple[str, ...], shares: tuple[float, ...]
) -> Iterator[tuple[tuple[str, float], NDArray[np.bool_]]]:
    of: dict[str, NDArray[np.bool_]] = {ALL: np.ones(calls.bar.shape, dtype=bool)}
    of |= {name: calls.symbol == s for s, name in enumerate(symbols)}
    for symbol, is_symbol in of.items():
        for share in shares:
            yield (symbol, share), is_symbol & (calls.share <= share)


def _cell(gross: FloatArray, cost: FloatArray, day: NDArray[np.int64], level: float) -> dict[str, Any]:
    names = "days", "gross_bps", "low", "high", "cost_bps", "cost_multiple"
    if not gross.size:
        return dict.fromkeys(names) | {"days": 0}
    mean, dear = float(gross.mean()), float(cost.mean())
    first = day - day.min()
    totals, counts = (np.bincount(first, weights).astype(np.float64) for weights in (gross, None))
    low, high = ratio_interval(totals, counts, level)
    multiple = mean / dear if dear > 0 and mean >= 0 else None
    return dict(zip(names, (len(np.unique(day)), mean, low, high, dear, multiple), strict=True))
