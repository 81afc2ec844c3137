"""Candles, predictions and params on one clock: causal, priced and sized as the params say."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tapeline.backtest import losses
from tapeline.backtest.costs import CostParams, InstrumentNames
from tapeline.backtest.engine import run_backtest
from tapeline.backtest.kernel import REASONS
from tapeline.backtest.latency import ExecutionParams
from tapeline.backtest.portfolio import align_candles, align_predictions, make_plan
from tapeline.backtest.signals import SignalParams, make_signals
from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.params import Params
from tests.candles import random_candles

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
START = pd.Timestamp("2026-01-14 12:00", tz="UTC")
N, FIRST = 300, 100


def section(name, model, **changes):
    """A shipped section with changes."""
    return Params({name: SHIPPED[name] | changes}).section(name, model)


def tables(seed=0, n=N):
    """Two symbols; the second has a gap of ten minutes and begins later."""
    found = {}
    for k, symbol in enumerate(("BTC-USD", "ETH-USD")):
        table = random_candles(n, seed=seed + k).copy()
        table["timestamp"] = pd.date_range(START, periods=n, freq="min", unit="us")
        found[symbol] = table.assign(is_filled=False, segment=0)
    found["ETH-USD"] = found["ETH-USD"].drop(index=[0, *range(150, 160)]).reset_index(drop=True)
    return found


def market(found, n_volatility=20, n_atr=30):
    """Aligned from the hundredth minute on."""
    return align_candles(found, START + pd.Timedelta(minutes=FIRST), 1, n_volatility, n_atr)


def plan(found, predicted=None, **changes):
    """What the engine gets for one prediction everywhere, or random ones, under the shipped params."""
    aligned = market(found)
    probability = np.random.default_rng(0).uniform(0, 1, aligned.sigma.shape)
    probability = probability if predicted is None else np.full_like(probability, predicted)
    orders = changes.get("orders") or section("signals", SignalParams)
    names = InstrumentNames.model_validate(SHIPPED["instruments"])
    parts = {
        "orders": orders,
        "names": names,
        "costs": section("costs", CostParams),
        "execution": section("execution", ExecutionParams),
        "hold": 15,
    } | changes
    return aligned, make_plan(aligned, make_signals(probability, probability, orders), **parts)


@cache
def as_it_is():
    """The plan of the tables and its backtest, to be compared with others."""
    found = plan(tables())[1]
    return found, run_backtest(found.candles, found.clock, found.symbols, found.rules)


def test_symbols_share_a_clock_without_holes():
    """Every minute from the first prediction on; a symbol without a candle has no price there."""
    aligned = market(tables())
    assert len(aligned.timestamp) == N - FIRST
    assert aligned.timestamp[0] == START + pd.Timedelta(minutes=FIRST)
    assert (~aligned.candles["has_price"][:, 1]).sum() == 10
    found = tables()["BTC-USD"]["close"].to_numpy()[FIRST:]
    assert np.array_equal(aligned.candles["close"][:, 0], found)
    assert np.isnan(aligned.candles["open"][50:60, 1]).all()


def test_what_a_fill_and_a_decision_know_of_volatility():
    """Slippage at an open: of candles before it; a stop, decided at a close: up to it. By definition."""
    table = tables()["BTC-USD"]
    aligned = market(tables())
    change = np.log(table["close"]).diff()
    assert aligned.sigma[0, 0] == pytest.approx(change[FIRST - 20 : FIRST].std())
    before = table["close"].shift()
    reach = np.maximum(table["high"], before) - np.minimum(table["low"], before)
    assert aligned.atr[0, 0] == pytest.approx(reach[FIRST - 29 : FIRST + 1].mean())


@given(st.integers(0, 199))
@settings(max_examples=25, deadline=None)
def test_what_is_planned_for_a_bar_hangs_on_nothing_later(cut):
    """Later candles tenfold: sizes, stops, slippage and trades before the cut are the same bytes."""
    other = tables()
    border = START + pd.Timedelta(minutes=FIRST + cut)
    for table in other.values():
        table.loc[table["timestamp"] >= border, ["open", "high", "low", "close"]] *= 10
    (first, before), (_, second) = as_it_is(), plan(other)
    assert first.candles[:cut].tobytes() == second.candles[:cut].tobytes()
    after = run_backtest(second.candles, second.clock, second.symbols, second.rules)
    assert before.bars[:cut].tobytes() == after.bars[:cut].tobytes()


@given(st.integers(0, 199))
@settings(max_examples=25, deadline=None)
def test_a_fill_at_an_open_hangs_on_nothing_of_its_candle_but_the_open(bar):
    """Another high, low and close of its candle, all later ones tenfold: the same fill."""
    other = tables()
    at = START + pd.Timedelta(minutes=FIRST + bar)
    for table in other.values():
        table.loc[table["timestamp"] > at, ["open", "high", "low", "close"]] *= 10
        table.loc[table["timestamp"] == at, ["high", "close"]] *= 10
        table.loc[table["timestamp"] == at, "low"] /= 10
    (first, before), (_, second) = as_it_is(), plan(other)
    for name in ("open", "half_spread", "slippage", "can_fill", "may_open"):
        assert first.candles[name][bar].tobytes() == second.candles[name][bar].tobytes(), name
    after = run_backtest(second.candles, second.clock, second.symbols, second.rules)
    entered = [run.trades["entry_price"][run.trades["entry_bar"] <= bar] for run in (before, after)]
    assert entered[0].tobytes() == entered[1].tobytes()


def test_fills_are_priced_by_the_params():
    """Half a spread of 2 and 4 basis points; 3 of basis and a sigma's root of half a second."""
    aligned, made = plan(tables())
    assert made.candles["half_spread"][0].tolist() == pytest.approx([1e-4, 2e-4])
    expected = aligned.sigma[:, 0] * np.sqrt(0.5 / 60) + 3e-4
    assert made.candles["slippage"][:, 0] == pytest.approx(expected)
    assert made.rules.basis == pytest.approx(3e-4)
    assert made.rules.delay == 1
    assert made.symbols["fee"]["rate"].tolist() == pytest.approx([3.25e-4] * 2)
    assert made.symbols["swap_long"][0] == pytest.approx(-0.25 / 360)
    assert made.symbols["step"].tolist() == pytest.approx([0.01, 0.1])
    assert made.symbols["maximum"].tolist() == [5.0, 50.0]


@pytest.mark.parametrize(("multiple", "column"), [(0.0, 0.0), (2.0, 2.0)])
def test_stress_multiplies_every_cost(multiple, column):
    """Spread, slippage with basis, commission, and swap that is paid."""
    _, once = plan(tables())
    _, many = plan(tables(), costs=section("costs", CostParams, multiple=multiple))
    for name in ("half_spread", "slippage"):
        assert many.candles[name] == pytest.approx(column * once.candles[name], nan_ok=True)
    assert many.symbols["fee"]["rate"] == pytest.approx(column * once.symbols["fee"]["rate"])
    for name in ("swap_long", "swap_short"):
        assert many.symbols[name] == pytest.approx(column * once.symbols[name])


def test_latency_beyond_a_candle_waits_for_a_later_open():
    """Two minutes: the second open after the close."""
    _, late = plan(tables(), execution=section("execution", ExecutionParams, latency_s=120.0))
    result = run_backtest(late.candles, late.clock, late.symbols, late.rules)
    assert late.rules.delay == 2
    assert (result.trades["entry_bar"] - result.trades["decision_bar"]).min() == 2


@pytest.mark.parametrize("side", [1, -1])
def test_what_is_lost_at_the_stop_is_the_risk(side):
    """Bought or sold at the price that decided and stopped there: 250, all costs included, or a step less."""
    aligned, made = plan(tables(), predicted=0.9 if side == 1 else 0.1)
    assert made.candles["stop"] == pytest.approx(6 * aligned.atr, nan_ok=True)
    decided = np.arange(0, 190, 3)
    wanted = np.zeros_like(made.candles["side"])
    wanted[decided, 0] = side
    assert (made.candles["side"][decided, 0] == side).all()
    made.candles["side"] = wanted
    for name in ("open", "high", "low", "close"):
        made.candles[name][decided + 1, 0] = aligned.candles["close"][decided, 0]
    sharp = "low" if side == 1 else "high"
    made.candles[sharp][decided + 1, 0] *= 1 - side * 0.5
    for name in ("slippage", "half_spread"):
        made.candles[name][decided + 1] = made.candles[name][decided]
    made.symbols["maximum"] = 1e9
    rules = made.rules._replace(initial_balance=1e9)
    trades = run_backtest(made.candles, made.clock, made.symbols, rules).trades
    lost = -trades["net_pnl"]
    one_step = 0.01 * lost / trades["quantity"]
    assert [REASONS[reason] for reason in trades["reason"]] == ["stop"] * len(decided)
    assert (lost <= 250 + 1e-6).all()
    assert (lost > 250 - one_step - 1e-6).all()


@pytest.mark.parametrize(("stop", "n_traded"), [(1.0, 0), (6.0, 390)])
def test_stops_inside_the_costs_are_refused_and_counted(stop, n_traded):
    """Where opening and closing costs more than the stop is away: no order, whatever was predicted."""
    dear = SHIPPED["costs"] | {
        "instruments": {
            name: found | {"spread_bps": 6.0} for name, found in SHIPPED["costs"]["instruments"].items()
        }
    }
    aligned, made = plan(
        tables(),
        predicted=0.9,
        orders=section("signals", SignalParams, stop=stop),
        costs=Params({"costs": dear}).section("costs", CostParams),
    )
    paid = made.candles["half_spread"] + made.candles["slippage"] + made.symbols["fee"]["rate"]
    is_inside = stop * aligned.atr <= 2 * paid * aligned.candles["close"]
    has_price = aligned.candles["has_price"]
    assert np.array_equal(made.candles["side"] != 0, has_price & ~is_inside)
    assert made.refused.inside_costs == (has_price & is_inside).sum()
    assert (made.candles["side"] != 0).sum() == n_traded


def test_what_an_order_costs_is_asked_for_its_own_quantity(monkeypatch):
    """At least 5 a fill: little for what is ordered, and far beyond the stop for a single step."""
    monkeypatch.setattr(losses, "commission_of", lambda fee, quantity, price: np.full_like(quantity, 5.0))
    aligned, made = plan(tables(), predicted=0.9)
    candles, step = made.candles, made.symbols["step"]
    one_way = candles["close"] * (candles["half_spread"] + candles["slippage"])
    has_price = aligned.candles["has_price"]
    assert (2 * (one_way + 5.0 / step) > candles["stop"])[has_price].all()
    expected = has_price & (2 * (one_way + 5.0 / np.maximum(candles["quantity"], step)) < candles["stop"])
    assert expected.sum() > 300
    assert np.array_equal(candles["side"] != 0, expected)


def test_an_order_knows_the_spread_of_the_minute_that_fills_it():
    """At 23:54 server time the spread of 23:55 is on the calendar: it refuses what it makes too dear."""
    found = tables()
    for table in found.values():
        table["timestamp"] += pd.Timedelta(hours=8)  # the plan begins at 23:40 by the server's clock
    aligned = align_candles(found, START + pd.Timedelta(hours=8, minutes=FIRST), 1, 20, 30)
    signals = section("signals", SignalParams)
    names = InstrumentNames.model_validate(SHIPPED["instruments"])
    predicted = make_signals(np.full(aligned.sigma.shape, 0.9), aligned.sigma, signals)
    execution, costs = section("execution", ExecutionParams), section("costs", CostParams, widening=100.0)
    made = make_plan(aligned, predicted, signals, names, costs, execution, 15)
    is_wide = made.candles["half_spread"][:, 0] > 1e-3
    assert np.flatnonzero(is_wide).tolist() == list(range(15, 30))
    assert np.flatnonzero(~made.can_order[:, 0]).tolist() == list(range(14, 29))


def test_a_long_only_account_and_coins_sell_nothing_short():
    """Predictions of a fall are counted and open nothing; rises are bought as before."""
    _, both = plan(tables())
    _, long = plan(tables(), orders=section("signals", SignalParams, sides="long"))
    coins = SHIPPED["costs"]["instruments"] | {
        "ETHUSD": SHIPPED["costs"]["instruments"]["ETHUSD"] | {"kind": "spot"}
    }
    _, mixed = plan(tables(), costs=section("costs", CostParams, instruments=coins))
    is_short = both.candles["side"] < 0
    assert np.array_equal(long.candles["side"], np.where(is_short, 0, both.candles["side"]))
    assert long.refused.shorts == is_short.sum()
    assert np.array_equal(mixed.candles["side"][:, 0], both.candles["side"][:, 0])
    assert (mixed.candles["side"][:, 1] >= 0).all()
    assert mixed.refused.shorts == is_short[:, 1].sum()
    assert mixed.symbols["swap_long"].tolist() == pytest.approx([-0.25 / 360, 0])
    run_backtest(mixed.candles, mixed.clock, mixed.symbols, mixed.rules)


def test_random_times_stand_for_random_sides_where_nothing_is_sold_short():
    """As many purchases at times of their own, never a short; both sides flip where both may."""
    _, long = plan(tables(), orders=section("signals", SignalParams, sides="long"))
    _, both = plan(tables())
    moved = long.with_random_sides(np.random.default_rng(3)).candles["side"]
    assert (moved >= 0).all()
    assert moved[:, 0].sum() == long.candles["side"][:, 0].sum()
    assert not np.array_equal(moved, long.candles["side"])
    flipped = both.with_random_sides(np.random.default_rng(3)).candles["side"]
    assert np.array_equal(np.abs(flipped), np.abs(both.candles["side"]))
    assert {-1, 1} <= set((flipped * both.candles["side"]).ravel().tolist())


def test_no_purchase_of_the_control_falls_away():
    """A control that buys less often loses less on costs and wins less in a rise: both are no luck."""
    found = tables()
    found["BTC-USD"].loc[FIRST + 20 : FIRST + 150, "is_filled"] = True  # where no order can follow
    found["ETH-USD"].loc[FIRST:, "is_filled"] = True
    _, long = plan(found, orders=section("signals", SignalParams, sides="long"))
    wanted = np.count_nonzero(long.candles["side"], axis=0)
    assert wanted[0] > 10
    assert wanted[1] == 0
    for seed in range(20):
        side = long.with_random_sides(np.random.default_rng(seed)).candles["side"]
        assert np.array_equal(np.count_nonzero(side, axis=0), wanted)
        assert not (side[~long.can_order] != 0).any()


def test_filled_candles_neither_decide_nor_fill():
    """Nobody traded there."""
    found = tables()
    found["BTC-USD"].loc[FIRST + 5 : FIRST + 20, "is_filled"] = True
    _, made = plan(found)
    for name in ("has_price", "can_fill", "may_open", "side"):
        assert not made.candles[name][5:21, 0].any(), name


def test_no_fills_in_maintenance():
    """Wednesday 14:00 to 14:30 by the server's clock is 12:00 to 12:30 UTC; the plan begins at 13:40."""
    closed = section("costs", CostParams, maintenance=[["Wed", "15:50", "16:00"]])
    _, made = plan(tables(), costs=closed)
    assert not made.candles["can_fill"][10:20].any()
    assert made.candles["can_fill"][20:40].all()


def test_a_symbol_without_an_instrument_is_refused():
    """By name."""
    with pytest.raises(ParamsError, match="must name an instrument for the symbol ETH-USD"):
        plan(tables(), names=InstrumentNames.model_validate({"BTC-USD": "BTCUSD"}))


def test_rows_are_put_where_their_time_is():
    """By symbol and minute, NaN elsewhere; rows outside the clock are refused."""
    aligned = market(tables())
    rows = pd.DataFrame(
        {"symbol": ["ETH-USD", "BTC-USD"], "timestamp": aligned.timestamp[[3, 1]], "prediction": [0.3, 0.1]}
    )
    found = align_predictions(aligned, rows, "prediction")
    assert (found[3, 1], found[1, 0]) == (0.3, 0.1)
    assert np.isfinite(found).sum() == 2
    with pytest.raises(ValueError, match="outside the clock"):
        align_predictions(aligned, rows.assign(timestamp=START), "prediction")
    with pytest.raises(ValueError, match="without candles"):
        align_predictions(aligned, rows.assign(symbol="SOL-USD"), "prediction")


def test_a_symbol_listed_inside_the_span_fills_once_its_slippage_is_known():
    """Its first candle 60 bars after the first prediction: no fill for 20 changes of price, then as usual."""
    found = tables()
    found["ETH-USD"] = found["ETH-USD"].iloc[-(N - FIRST - 60) :].reset_index(drop=True)
    _, made = plan(found)
    made.candles["side"][:, 0] = 0
    made.candles["side"][60:, 1] = 1
    made.candles["target"][60:, 1] = 0.0
    made.candles["stop"][60:, 1] = made.candles["quantity"][60:, 1] = 1.0
    entered = run_backtest(made.candles, made.clock, made.symbols, made.rules).trades["entry_bar"]
    assert (~made.candles["can_fill"][:81, 1]).all()
    assert made.candles["can_fill"][81:, 1].all()
    assert entered[0] == 81


def test_a_symbol_that_ends_an_hour_early_leaves_numbers():
    """The account goes on with the other one; every figure of it is finite."""
    found = tables()
    found["ETH-USD"] = found["ETH-USD"].iloc[:-60]
    _, made = plan(found)
    made.candles["side"][138, 1], made.candles["quantity"][138, 1] = 1, 10.0
    made.candles["side"][130:138, 1] = 0
    result = run_backtest(made.candles, made.clock, made.symbols, made.rules)
    assert result.trades["exit_bar"].max() == len(made.clock) - 1
    for name in ("balance", "equity", "equity_low"):
        assert np.isfinite(result.bars[name]).all()
    for name in ("exit_price", "net_pnl", "slippage_cost"):
        assert np.isfinite(result.trades[name]).all()
