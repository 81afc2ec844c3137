"""Quantities: the most that the risk allows, all costs included, and less only where a cap says so."""

from dataclasses import replace

import pytest

from tests.referee.hand_made import ACCOUNT, INSTRUMENT, SYMBOLS, with_trades
from tests.referee.test_drawdown import differing

pytestmark = pytest.mark.xdist_group("referee")  # one run that all of them plant faults in

MONEY = "gross_pnl", "spread_cost", "slippage_cost", "commission_cost", "swap", "net_pnl"


def resized(run, factor, rows=slice(None)):
    """The run whose trades of `rows` are `factor` times as large, in whole steps."""

    def change(trades):
        chosen = trades.index[rows]
        quantity = (trades.loc[chosen, "quantity"] * factor / INSTRUMENT.step).round() * INSTRUMENT.step
        share = quantity / trades.loc[chosen, "quantity"]
        trades.loc[chosen, "quantity"] = quantity
        for name in MONEY:
            trades.loc[chosen, name] *= share
        return trades

    return with_trades(run, change)


def instruments(**changes):
    """Both symbols' terms, changed."""
    return {"instruments": dict.fromkeys(SYMBOLS, replace(INSTRUMENT, **changes))}


def test_sizes_without_part_of_the_costs_are_found(run):
    """Larger than commission and slippage allow that are higher than those they were made for."""
    for changes in (instruments(commission=4e-4), {"slippage": 2.0}, {"basis": 5e-4}):
        assert "loss at the stop" in differing(run, replace(ACCOUNT, **changes))


@pytest.mark.parametrize(("factor", "what"), [(1.02, "loss at the stop"), (0.98, "quantity for the risk")])
def test_a_size_that_is_off_by_a_fiftieth_is_found(run, factor, what):
    """Too large, and too small; in one trade too."""
    for rows in (slice(None), slice(4, 5)):
        found = differing(resized(run, factor, rows))
        assert what in found
        assert {"loss at the stop", "quantity for the risk"} & found == {what}


def test_a_size_is_cut_only_by_what_caps_it(run):
    """Half of every size is as it has to be where that is the largest order, and not where one more is."""
    half = resized(run, 0.5)
    quantity = half.accounts["backtest"][0].trades["quantity"]
    caps = replace(ACCOUNT, **instruments(maximum=float(quantity.min())))
    assert "quantity for the risk" in differing(half)
    assert "quantity for the risk" not in differing(half, caps)


def test_an_order_beyond_the_margin_is_found_and_one_up_to_it_is_not(run):
    """Of equity at the close that decides, less what other positions need."""
    narrow = replace(ACCOUNT, max_margin=0.05)
    assert "margin of an order" in differing(run, narrow)
    assert "margin of an order" not in differing(run, replace(ACCOUNT, max_margin=0.5))


def test_an_order_that_came_to_nothing_excuses_what_was_decided_while_it_waited(run):
    """One small size, and not all."""
    account, figures = run.accounts["backtest"]
    for rows, is_excused in ((slice(4, 5), True), (slice(None), False)):
        small = resized(run, 0.9, rows)
        account, figures = small.accounts["backtest"]
        told = replace(small, accounts={"backtest": (account, figures | {"unfilled_orders": 1})})
        assert ("quantity for the risk" not in differing(told)) is is_excused
