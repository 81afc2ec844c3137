"""How a feature is declared: one function, one decorator line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.features.kernel import FloatArray as FloatArray
from tapeline.features.rolling import log_return

MAX_LOOKBACK = 1500  # candles; what serving has to keep in memory for one symbol


@dataclass(frozen=True)
class Candles:
    """Consecutive candles of one segment, each field of shape (n,); `minute` is the open, minutes since 1970.

    `leader_close` holds the last close of the leading symbol ONE CANDLE EARLIER, NaN where that is too old
    or not there (`leader.close_before`): what is known of it when a candle opens, so that no feature can
    see the leader's same candle.
    """

    minute: NDArray[np.int64]
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    leader_close: FloatArray

    def rows(self, start: int, stop: int) -> "Candles":
        """Candles start..stop-1, as views."""
        return Candles(**{name: getattr(self, name)[start:stop] for name in self.__dataclass_fields__})

    @cached_property
    def returns(self) -> FloatArray:
        """Log return of each candle's close, shape (n,); NaN for the first."""
        return log_return(self.close, 1)

    @cached_property
    def leader_returns(self) -> FloatArray:
        """Log return of each of the leader's candles one earlier, shape (n,); NaN where it has none."""
        return log_return(self.leader_close, 1)


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
    function: Callable[[Candles], FloatArray]

    @property
    def definition(self) -> tuple[str, str]:
        """Module and name of the function that computes it."""
        function = self.function.args[0] if isinstance(self.function, partial) else self.function
        return function.__module__, function.__name__


FEATURES: dict[str, Feature] = {}

Compute = Callable[..., FloatArray]


def feature(
    group: str,
    lookback: int | Callable[[Any], int],
    low: float | None = None,
    high: float | None = None,
    over: Sequence[Any] = (),
) -> Callable[[Compute], Compute]:
    """Declare the decorated function as a feature; its name and docstring are the column's name and meaning.

    The function takes the candles of one segment and returns shape (n,); what it returns before
    `lookback` candles have passed is never used. With `over`, it takes one of these values (a window, a
    session) as second argument and declares a feature for each: `NAME_VALUE`, `{}` of its docstring and
    the argument of `lookback` being the value.
    """

    def declare(compute: Compute) -> Compute:
        meaning = " ".join((compute.__doc__ or "").split("\n\n")[0].split())
        if not over:
            _add(Feature(compute.__name__, group, _reach(lookback), meaning, low, high, compute))
        for value in over:
            name = f"{compute.__name__.rstrip('_')}_{value}"
            bound = partial(_apply, compute, value)
            _add(Feature(name, group, _reach(lookback, value), meaning.format(value), low, high, bound))
        return compute

    return declare


def _reach(lookback: int | Callable[[Any], int], value: Any = None) -> int:
    return lookback(value) if callable(lookback) else lookback


def _apply(compute: Compute, value: Any, candles: Candles) -> FloatArray:
    return compute(candles, value)


def _add(declared: Feature) -> None:
    if not 1 <= declared.lookback <= MAX_LOOKBACK:
        raise ValueError(
            f"{declared.name}: lookback must be 1..{MAX_LOOKBACK} candles, got {declared.lookback}"
        )
    if declared.name in FEATURES:
        raise ValueError(f"feature {declared.name} is declared twice")
    FEATURES[declared.name] = declared


def minutes_since_epoch(timestamp: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Whole minutes from 1970 to each UTC time, shape (n,)."""
    return timestamp.to_numpy("datetime64[m]").view(np.int64)
