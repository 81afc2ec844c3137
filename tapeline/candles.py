"""What a candle is, said once: the order of its prices, what fills a gap, which bar of a clock it is."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import PRICES

FloatArray = NDArray[np.float64]


def are_disordered(open_: Any, high: Any, low: Any, close: Any) -> Any:
    """Whether open or close lie outside low..high, of candles (n,) or of one.

    Where one of both is NaN, as in files not yet repaired, high and low alone are compared.
    """
    return (np.minimum(open_, close) < low) | (np.maximum(open_, close) > high) | (high < low)


def count_missing(apart: Any, step: Any) -> Any:
    """Candles that are not there between open times that lie `apart`, of any shape, in the unit of `step`."""
    return apart // step - 1


def is_too_long(missing: Any, max_fill: int) -> Any:
    """Whether a gap of so many `missing` candles is not filled, so that a segment ends before it."""
    return missing > max_fill


def flat_candles(close: FloatArray) -> dict[str, FloatArray]:
    """Candles that fill a gap behind a `close` (n,), by column: nobody traded, so no price moved."""
    return dict.fromkeys(PRICES, close) | {"volume": np.zeros(len(close))}


def bar_numbers(timestamp: pd.Series, first: pd.Timestamp, minutes: int) -> NDArray[np.int64]:
    """Position (n,) of each open time on the clock of candles of `minutes` that begins at `first`."""
    return np.asarray((timestamp - first) // pd.Timedelta(minutes=minutes), dtype=np.int64)
