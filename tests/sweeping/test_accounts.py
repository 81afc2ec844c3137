"""Every account of a sweep, against the same configuration planned and traded by itself."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.sweeping import calls
from tapeline.sweeping.accounts import figures_dtype, trade_all
from tapeline.trading.accounts import run
from tapeline.trading.figures import account_figures
from tests.sweeping.market import Market, make_sweep, params_of

RANGES = {
    "signals": {
        "trade_tiers": [["A"], ["B", "A"], ["C"], []],
        "tiers.A": [[0.7, 1.0], [0.75, 0.9]],
        "tier_shares.A": {"low": 0.005, "high": 0.04},
        "tier_by": ["confidence", "share"],
        "minimum_trend": [0.0, 0.5],
        "sides": ["both", "long"],
        "stop": {"low": 1.0, "high": 8.0},
        "target": [0.0, 3.0, 6.0],
        "hold": [None, 1, 40],
        "risk": {"low": 0.0005, "high": 0.02, "log": True},
        "atr_candles": [20, 60],
        "max_positions": [1, 4],
        "max_margin": [0.3, 0.9],
    },
    "costs": {"multiple": [0.0, 2.0], "instruments.BTCUSD.kind": ["cfd", "spot"]},
    "execution": {"latency_s": [0.5, 90.0], "volatility_candles": [60, 30]},
}


@cache
def market_of(seed):
    """A market of two days, laid out once."""
    return Market(days=2, seed=seed)


def by_itself(plan, market, choice, condition):
    """The declared figures of one configuration, as the stage evaluate works them out."""
    params = plan.signals(plan.given(condition), choice)
    inputs = market.plainly(params)
    figures = account_figures(run(inputs.plan(params)), inputs, params)
    return [np.nan if figures[name] is None else figures[name] for name in figures_dtype.names]


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**20), market=st.integers(0, 1))
def test_each_account_comes_to_what_it_comes_to_by_itself(seed, market):
    """To the bit, whatever is swept, in threads, be the day's guard met or not."""
    plan = make_sweep(params_of(), RANGES, mode="random", draws=2, seed=seed, workers=2)
    figures = trade_all(plan, market_of(market).swept)
    rng = np.random.default_rng(seed)
    for k, choice in enumerate(plan.choices):
        c = int(rng.integers(len(plan.conditions)))
        expected = by_itself(plan, market_of(market), choice, plan.conditions[c])
        np.testing.assert_array_equal(list(figures[k, c]), expected)


@pytest.mark.parametrize("block", [97, 1000])
def test_orders_of_many_blocks_of_calls_are_traded_one_after_the_other(monkeypatch, block):
    """Each account comes to what it comes to by itself, however few of its calls are sized at once."""
    monkeypatch.setattr(calls, "BLOCK", block)
    ranges = {"signals": {"minimum_trend": [0.0, 0.3], "trade_tiers": [["A"], ["C", "A"]]}}
    plan = make_sweep(params_of(), ranges)
    figures = trade_all(plan, market_of(1).swept)
    for k, choice in enumerate(plan.choices):
        np.testing.assert_array_equal(list(figures[k, 0]), by_itself(plan, market_of(1), choice, ()))
    assert figures["trades"].min() > 0


@pytest.mark.parametrize("name", ["volatility_candles", "latency_s"])
def test_conditions_of_execution_are_each_traded_as_they_are(name):
    """Nothing of the condition before is kept where signals ask for the same candles."""
    values = {"volatility_candles": [60, 30], "latency_s": [0.5, 90.0]}[name]
    ranges = {"signals": {"stop": [2.0, 4.0]}, "execution": {name: values}}
    plan = make_sweep(params_of(), ranges)
    figures = trade_all(plan, market_of(0).swept)
    for c, condition in enumerate(plan.conditions):
        expected = by_itself(plan, market_of(0), plan.choices[0], condition)
        np.testing.assert_array_equal(list(figures[0, c]), expected)
    assert len(set(figures["net_pnl"][0])) > 1


def test_threads_and_order_change_nothing():
    """Two at a time, and choices in another order, have the same figures."""
    ranges = {
        "signals": {"stop": [2.0, 4.0], "minimum_trend": [0.0, 0.5], "trade_tiers": [["A"], ["A", "B"]]}
    }
    turned = {
        "signals": {"trade_tiers": [["A", "B"], ["A"]], "minimum_trend": [0.5, 0.0], "stop": [4.0, 2.0]}
    }
    market = market_of(0).swept
    one, two = make_sweep(params_of(), ranges), make_sweep(params_of(), turned, workers=2)
    found = trade_all(one, market), trade_all(two, market)
    by_choice = [
        {
            tuple(map(str, dict(sorted(zip(plan.keys, choice, strict=True))).values())): figures.tobytes()
            for choice, figures in zip(plan.choices, of, strict=True)
        }
        for plan, of in zip((one, two), found, strict=True)
    ]
    assert by_choice[0] == by_choice[1]
    assert len(by_choice[0]) == 9


def test_progress_counts_every_account_once():
    """So that a bar ends where it should."""
    plan = make_sweep(params_of(), {"signals": {"stop": {"low": 2.0, "high": 6.0, "step": 0.1}}})
    told = []
    trade_all(plan, market_of(0).swept, told.append)
    assert sum(told) == plan.tried == 41


def test_an_error_in_a_thread_ends_the_sweep():
    """And is the error itself."""
    plan = make_sweep(params_of(), {"signals": {"stop": [2.0, 4.0]}})
    market = market_of(0).swept

    def broken(params):
        raise OSError(5, "gone")

    with pytest.raises(OSError, match="gone"):
        trade_all(plan, type(market)(market.calls, broken))
