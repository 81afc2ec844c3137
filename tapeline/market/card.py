"""The data card of a symbol: plain figures that say what was read, repaired, filled and rejected."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.candles import is_too_long
from tapeline.schema import PRICES

MAX_DECIMALS = 12  # looked for in a price; a price that needs more counts as so many
SAMPLE = 1000  # prices


def describe_times(kept: pd.DataFrame, missing: NDArray[np.int64], max_fill: int) -> dict[str, str | int]:
    """Span, gaps and segments of the real candles `kept`, `missing` (rows - 1,) candles between them."""
    is_cut = is_too_long(missing, max_fill)
    return {
        "first": _iso(kept["timestamp"].iloc[0]),
        "last": _iso(kept["timestamp"].iloc[-1]),
        "rows": len(kept),
        "filled": int(missing[~is_cut].sum()),
        "missing": int(missing[is_cut].sum()),
        "gaps": int((missing > 0).sum()),
        "longest_gap": int(missing.max(initial=0)),
        "segments": int(is_cut.sum()) + 1,
    }


def describe_values(kept: pd.DataFrame) -> dict[str, int]:
    """Quiet candles among the real ones `kept`, and the most decimals of a price."""
    is_quiet = (kept["volume"] == 0).to_numpy()
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_quiet, [False]])))  # begin, end, begin...
    return {
        "zero_volume": int(is_quiet.sum()),
        "zero_volume_longest": int((edges[1::2] - edges[::2]).max(initial=0)),
        "price_decimals": count_decimals(kept[list(PRICES)].to_numpy()),
    }


def count_decimals(prices: NDArray[np.float64]) -> int:
    """Return the most decimals that any of `prices`, of any shape, has; at most MAX_DECIMALS."""
    left = prices.ravel()
    # A sample nearly always gives the count, which saves trying fewer decimals on all prices.
    fewest = count_decimals(left[:SAMPLE]) if len(left) > SAMPLE else 0
    for decimals in range(fewest, MAX_DECIMALS):
        scale = 10.0**decimals
        with np.errstate(over="ignore"):  # a broken price may be beyond what can be scaled
            left = left[np.rint(left * scale) / scale != left]
        if not len(left):
            return decimals
    return MAX_DECIMALS


def _iso(time: pd.Timestamp) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
