"""What an order costs and loses as it is planned: the round trip, the whole loss at the stop, the size."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tapeline.backtest.kernel import commission_of

FloatArray = NDArray[np.float64]
Records = NDArray[np.void]
ROUNDING = 1e-9  # of a lot step, so that 3 steps computed as 2.9999999999 are 3
MAXIMUM_BITS = 40  # of an order's lot steps, where a commission asks for a search


class FillCosts(NamedTuple):
    """What is charged for fills; arrays that broadcast to one shape."""

    half_spread: FloatArray  # fraction of the price
    slippage: FloatArray  # likewise
    fee: Records  # terms of the commission, `records.fee_dtype`


def commission_per_unit(fee: Records, quantity: FloatArray, price: FloatArray) -> FloatArray:
    """Commission of a fill of `quantity`, which is positive, for each of its units; price."""
    commission: FloatArray = commission_of(fee, quantity, price) / quantity
    return commission


def round_trip(price: FloatArray, quantity: FloatArray, costs: FillCosts) -> FloatArray:
    """What opening and closing `quantity` at `price` costs a unit: spread, slippage, commission; price."""
    one_way: FloatArray = price * (costs.half_spread + costs.slippage)
    return 2 * (one_way + commission_per_unit(costs.fee, quantity, price))


class Legs(NamedTuple):
    """The fills of an order that is stopped, whatever its quantity; prices, arrays of one shape."""

    entry: FloatArray
    exit: FloatArray
    lost: FloatArray  # a unit, before commission
    fee: Records  # terms of the commission, `records.fee_dtype`

    def loss(self, quantity: FloatArray) -> FloatArray:
        """What `quantity` loses, both commissions included; account currency."""
        fees = commission_of(self.fee, quantity, self.entry) + commission_of(self.fee, quantity, self.exit)
        loss: FloatArray = quantity * self.lost + fees
        return loss


def legs_to_stop(price: FloatArray, side: NDArray[np.int8], stop: FloatArray, costs: FillCosts) -> Legs:
    """The fills of an order that is opened around the mid `price` and stopped.

    stop : distance from the filled entry to the quote that triggers, so the spread lies within it, the
        slippage of the stop's own fill and both commissions do not; spread and slippage as at the entry
    """
    half_spread, slippage, fee = costs
    entry = price * (1 + side * (half_spread + slippage))
    trigger = np.maximum(entry - side * stop, 0.0)  # no price falls further
    exit_ = trigger * (1 - side * slippage / (1 - side * half_spread))
    return Legs(entry, exit_, side * (entry - exit_), fee)


def loss_at_stop(
    price: FloatArray, side: NDArray[np.int8], stop: FloatArray, quantity: FloatArray, costs: FillCosts
) -> FloatArray:
    """What `quantity` of such an order loses, costs included; account currency."""
    return legs_to_stop(price, side, stop, costs).loss(quantity)


def order_size(
    price: FloatArray,
    side: NDArray[np.int8],
    stop: FloatArray,
    costs: FillCosts,
    step: float | FloatArray,
    budget: float,
) -> FloatArray:
    """Most units, in whole steps, that lose no more than `budget` (account currency) at the stop.

    0 where nothing is known, or nothing would be lost. A commission in proportion to the quantity is solved
    by division; any other, which may not fall with the quantity, by halving.
    """
    steps = np.broadcast_to(np.asarray(step, dtype=np.float64), price.shape)
    legs = legs_to_stop(price, side, stop, costs)
    one = legs.loss(steps)

    def fits(count: FloatArray, rounding: float = ROUNDING) -> NDArray[np.bool_]:
        held: NDArray[np.bool_] = legs.loss(count * steps) <= budget + rounding * one
        return held

    with np.errstate(divide="ignore", invalid="ignore"):
        count = np.floor(budget / one + ROUNDING)
    is_sized = np.isfinite(count)
    count = np.where(is_sized, count, 0.0)
    # Not in proportion: what division leaves is too much, or a step more is not.
    is_left = is_sized & ((~fits(count, 2 * ROUNDING) & (count > 0)) | fits(count + 1, -2 * ROUNDING))
    if is_left.any():
        count = np.where(is_left, _largest(fits, price.shape), count)
    return count * steps


def _largest(fits: Callable[[FloatArray], NDArray[np.bool_]], shape: tuple[int, ...]) -> FloatArray:
    """The largest whole number that `fits` each, which all smaller ones do."""
    count = np.zeros(shape)
    for bit in reversed(range(MAXIMUM_BITS)):
        count = np.where(fits(count + 2.0**bit), count + 2.0**bit, count)
    return count
