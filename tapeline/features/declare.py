"""How a feature is declared: one function, one decorator line."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_LOOKBACK = 1500  # candles; what serving has to keep in memory for one symbol

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Candles:
    """Consecutive candles of one segment, each field of shape (n,); `timestamp` is the open time, UTC."""

    timestamp: pd.DatetimeIndex
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


@dataclass(frozen=True)
class Feature:
    """A causal column: its value at candle t is known at the close of t.

    `lookback` counts the candles, t included, that fix the value at t to 1e-6 relative; `low` and
    `high` bound its values, None where it has no bound.
    """

    name: str
    group: str
    lookback: int
    meaning: str
    low: float | None
    high: float | None
    compute: Callable[[Candles], FloatArray]


FEATURES: dict[str, Feature] = {}


def feature(
    group: str, lookback: int, low: float | None = None, high: float | None = None
) -> Callable[[Callable[[Candles], FloatArray]], Callable[[Candles], FloatArray]]:
    """Declare the decorated function as a feature; its name and docstring are the column's name and meaning.

    The function takes the candles of one segment and returns shape (n,); what it returns before
    `lookback` candles have passed is never used.
    """
    if not 1 <= lookback <= MAX_LOOKBACK:
        raise ValueError(f"lookback must be 1..{MAX_LOOKBACK} candles, got {lookback}")

    def declare(compute: Callable[[Candles], FloatArray]) -> Callable[[Candles], FloatArray]:
        name = compute.__name__
        if name in FEATURES:
            raise ValueError(f"feature {name} is declared twice")
        meaning = (compute.__doc__ or "").strip().splitlines()[0]
        FEATURES[name] = Feature(name, group, lookback, meaning, low, high, compute)
        return compute

    return declare
