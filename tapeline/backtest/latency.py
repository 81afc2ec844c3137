"""What the time between a signal and its fill costs, which candles alone can't show."""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tapeline.params import Section

Seconds = Annotated[float, Field(ge=0, le=86_400)]


class FillParams(Section):
    """Of section `execution`, what one backtest takes."""

    latency_s: Seconds  # from a candle's close to the fill
    slippage: Annotated[float, Field(ge=0, le=10)]  # one-minute sigmas, times the root of minutes of latency
    volatility_candles: Annotated[int, Field(ge=2, le=1500)]  # that sigma is taken over
    stop_out: Annotated[float, Field(ge=0, lt=1)]  # equity over margin at which the broker closes everything
    exit_commission: bool  # worst equity is taken after the commission still to pay


class ExecutionParams(FillParams):
    """Section `execution`."""

    latency_grid_s: Annotated[
        tuple[Seconds, ...], Field(strict=False, min_length=2, max_length=100)
    ]  # tried besides


def delay_bars(latency_s: float, minutes: int) -> int:
    """Bars of `minutes` from the one that decides to the one whose open fills: at least the next."""
    return max(1, math.ceil(latency_s / (60 * minutes)))


def slippage(
    sigma: NDArray[np.float64], latency_s: float, factor: float, minutes: int
) -> NDArray[np.float64]:
    """Adverse move of a market fill, fraction of the price, from `sigma` of a bar's return; same shape.

    Price diffuses: factor * sigma of a minute * sqrt(latency in minutes). Beyond a bar, whole bars of delay
    show what happened, and the slippage is that of one.
    """
    waited = min(latency_s, 60.0 * minutes) / 60
    return factor * sigma / math.sqrt(minutes) * math.sqrt(waited)
