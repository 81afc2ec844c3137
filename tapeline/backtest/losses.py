"""What a trade costs and loses as it is planned: the round trip, and the whole loss at the stop."""

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.kernel import commission_of

FloatArray = NDArray[np.float64]


def round_trip(
    price: FloatArray, half_spread: FloatArray, slippage: FloatArray, commission: FloatArray | float
) -> FloatArray:
    """What opening and closing a unit at `price` costs: spread, slippage and commission of both; price."""
    one_way: FloatArray = price * (half_spread + slippage) + commission_of(commission, 1.0, price)
    return 2 * one_way


def loss_at_stop(
    price: FloatArray,
    side: NDArray[np.int8],
    stop: FloatArray,
    half_spread: FloatArray,
    slippage: FloatArray,
    commission: FloatArray | float,
) -> FloatArray:
    """What a unit loses that is opened around the mid `price` and stopped, costs included; price.

    stop : distance from the filled entry to the quote that triggers, so the spread lies within it, the
        slippage of the stop's own fill and both commissions do not; spread and slippage as at the entry
    """
    entry = price * (1 + side * (half_spread + slippage))
    trigger = np.maximum(entry - side * stop, 0.0)  # no price falls further
    exit_ = trigger * (1 - side * slippage / (1 - side * half_spread))
    fees: FloatArray = commission_of(commission, 1.0, entry) + commission_of(commission, 1.0, exit_)
    return side * (entry - exit_) + fees
