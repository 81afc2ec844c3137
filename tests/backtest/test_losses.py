"""What an order costs and loses: leg by leg, and sized so that its stop loses what it may."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapeline.backtest import losses
from tapeline.backtest.losses import FillCosts, commission_per_unit, loss_at_stop, order_size, round_trip
from tapeline.backtest.records import fee_dtype

FREE = FillCosts(np.zeros(1), np.zeros(1), np.zeros(1, fee_dtype))


def charged(half=0.0, slip=0.0, rate=0.0):
    """Costs of one order; a commission of `rate` of the notional."""
    return FillCosts(np.array([half]), np.array([slip]), np.array([(rate,)], fee_dtype))


def free_size(distance, step, budget=250.0):
    """Units of an order without any cost, stopped `distance` below its price."""
    price = 4 * np.asarray(distance) + 1
    return order_size(price, np.int8(1), np.asarray(distance), FREE, step, budget)


@given(
    st.floats(0.01, 1e5),
    st.sampled_from([-1, 1]),
    st.floats(0.001, 0.3),
    st.floats(0, 0.02),
    st.floats(0, 0.02),
    st.floats(0.01, 1e4),
)
def test_a_loss_at_the_stop_adds_up_leg_by_leg(price, side, share, half, slip, quantity):
    """Ask or bid less slippage in, the stop's quote less slippage out, commission on both."""
    stop, commission = share * price, 0.000325
    entry = price + side * price * half + side * price * slip
    quote = entry - side * stop
    mid = quote / (1 - side * half)
    out = quote - side * mid * slip
    expected = quantity * (side * (entry - out) + commission * (entry + out))
    arrays = (np.array([x]) for x in (price, side, stop, quantity))
    found = loss_at_stop(*arrays, charged(half, slip, commission))[0]
    assert found == pytest.approx(expected)
    assert found > quantity * stop * (1 - 1e-9)


def test_a_round_trip_pays_spread_slippage_and_commission_twice():
    """A unit at 200: 2 of spread, 1 of slippage and 0.2 of commission each way, whatever the quantity."""
    paid = charged(half=0.01, slip=0.005, rate=0.001)
    for quantity in (0.1, 1.0, 50.0):
        found = round_trip(np.array([200.0]), np.array([quantity]), paid)
        assert found == pytest.approx([2 * (2 + 1 + 0.2)])


@pytest.mark.parametrize(
    ("distance", "step", "units"),
    [(500.0, 0.01, 0.5), (499.9, 0.01, 0.5), (510.0, 0.01, 0.49), (1e6, 0.01, 0.0), (300.0, 0.1, 0.8)],
)
def test_size_is_what_loses_the_risk_at_the_stop_in_whole_steps(distance, step, units):
    """250 may be lost; rounded down, to nothing if the step is too large."""
    assert free_size(np.array([distance]), step)[0] == pytest.approx(units)


def test_without_a_distance_there_is_no_size():
    """NaN and zero: nothing, rather than everything."""
    assert free_size(np.array([np.nan, 0.0]), 0.01).tolist() == [0, 0]


@given(st.floats(1e-3, 1e5), st.sampled_from([0.01, 0.1, 1000.0]))
def test_a_position_never_risks_more_than_it_may(distance, step):
    """For any distance, and one step more would."""
    units = free_size(np.array([distance]), step)[0]
    assert units * distance <= 250 * (1 + 1e-6)
    assert (units + step) * distance > 250 * (1 - 1e-6)


# Commissions in another proportion, each for a fill of `quantity` lots.
TICKETS = {
    "at least 20": lambda fee, quantity, price: np.maximum(3.0 * quantity, 20.0),
    "20 and more a lot": lambda fee, quantity, price: 20.0 + 3.0 * quantity,
    "dearer beyond 10": lambda fee, quantity, price: 3 * quantity + 6 * np.maximum(quantity - 10, 0),
    "cheaper beyond 10": lambda fee, quantity, price: np.where(quantity < 10, 3 * quantity, 30 + quantity),
}


@pytest.mark.parametrize("ticket", TICKETS)
@given(distance=st.floats(0.5, 400.0), budget=st.floats(1.0, 5e3))
@example(distance=15.0, budget=210.0)  # what a tenth lot would lose, were it not dearer by a jump
def test_any_commission_is_sized_to_the_budget(ticket, distance, budget):
    """Found by trying every number of steps: the most that lose no more than the budget."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(losses, "commission_of", TICKETS[ticket])
        units = order_size(np.array([1e6]), np.int8(1), np.array([distance]), FREE, 0.5, budget)[0]
        tried = np.arange(0, 20_001) * 0.5
        lost = tried * distance + 2 * TICKETS[ticket](None, tried, 1e6)
    lost[0] = 0.0
    # Where a size loses the budget to the last digit, rounding may leave it out.
    assert tried[lost <= budget * (1 - 1e-9)].max() <= units <= tried[lost <= budget * (1 + 1e-9)].max()


def test_what_a_unit_pays_falls_with_the_quantity_where_there_is_a_least_commission(monkeypatch):
    """20 for one lot, 20 for two: 20 and 10 a lot, and the round trip with it."""
    monkeypatch.setattr(losses, "commission_of", TICKETS["at least 20"])
    quantity, price = np.array([1.0, 2.0, 100.0]), np.full(3, 50.0)
    assert commission_per_unit(FREE.fee, quantity, price).tolist() == [20.0, 10.0, 3.0]
    assert round_trip(price, quantity, FREE).tolist() == [40.0, 20.0, 6.0]
