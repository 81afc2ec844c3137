"""From predictions to verdicts: on candles whose future is known, on coins, and on nothing at all."""

import json
from copy import deepcopy
from functools import cache

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.engine import BacktestResult, run_backtest
from tapeline.backtest.kernel import REASONS
from tapeline.backtest.portfolio import align_candles
from tapeline.backtest.records import bar_dtype
from tapeline.closure import ROOT
from tapeline.evaluation.performance import RATIOS
from tapeline.features.sessions import session_masks
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.schema import PRICES
from tapeline.trading.accounts import RandomSides, TradingInputs, certain_low, judge, run, trade_random_sides
from tapeline.trading.figures import ablation, trading_figures
from tapeline.trading.params import TradingParams
from tests.candles import random_candles

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
DAYS, WARM_UP = 6, 120
FREE = {"multiple": 0.0}


def read(**sections):
    """The shipped params with changes by section; few paths, so that tests are quick."""
    quick = {
        "ftmo": {"odds_paths": 200, "odds_days": 30, "control_runs": 20},
        "evaluation": {"resamples": 200},
    }
    values = {
        name: SHIPPED[name] | quick.get(name, {}) | sections.get(name, {})
        for name in ("signals", "costs", "execution", "ftmo", "evaluation", "labels", "data")
    }
    return TradingParams.read(Params(values | {"instruments": SHIPPED["instruments"]}))


@cache
def aligned(seed, listed, ended, n_volatility, n_atr):
    """Two symbols for six days; the second one's first candle is `listed` candles after the first
    prediction, its last `ended` before the account's. To be copied.
    """
    tables = {}
    for k, symbol in enumerate(("BTC-USD", "ETH-USD")):
        table = random_candles(DAYS * 1440 + WARM_UP, seed=seed + k)
        table[list(PRICES)] *= 500  # a price of which a few lots are a whole account
        table["timestamp"] = pd.date_range("2026-01-12", periods=len(table), freq="min", tz="UTC", unit="us")
        tables[symbol] = table
    kept = slice(WARM_UP + listed if listed else 0, len(table) - ended)
    tables["ETH-USD"] = tables["ETH-USD"].iloc[kept].reset_index(drop=True)
    first = tables["BTC-USD"]["timestamp"][WARM_UP]
    return align_candles(tables, first, 1, n_volatility, n_atr)


def inputs(params, right=None, seed=0, listed=0, ended=0):
    """That market with predictions; the share `right` of them knows the future, None: coins."""
    lengths = params.execution.volatility_candles, params.signals.atr_candles
    market = deepcopy(aligned(seed, listed, ended, *lengths))
    close = market.candles["close"]
    future = np.roll(close, -params.horizon, axis=0) > close
    rng = np.random.default_rng(seed)
    if right is None:
        probability = rng.uniform(0.1, 0.9, close.shape)
    else:
        is_right = rng.random(close.shape) < right
        probability = np.where(future == is_right, 0.8, 0.2)
    return TradingInputs(market, probability, rng.uniform(0, 1, close.shape))


def test_knowing_the_future_pays_and_passes():
    """Seven in ten right: profit, a passed challenge, odds near one, better than every coin."""
    params = read(costs=FREE)
    backtest, ftmo, detail, *_ = trading_figures(inputs(params, right=0.7), params)
    assert backtest["net_pnl_low"] > 0
    assert backtest["probabilistic_sharpe"] is None
    assert detail["ratios_reason"] == "equity changed on 7 days; ratios need 10"
    assert (ftmo["first_phase_passed"], ftmo["breached"]) == (1, 0)
    assert ftmo["pass_probability"] > 0.9 > 0.5 > ftmo["pass_probability_random_sides"]
    assert ftmo["zero_edge_p_value"] == pytest.approx(1 / 21)
    assert detail["ftmo"]["phases"]["2-step"]["possible"]["challenge"]["status"] == "passed"


def test_odds_that_a_few_days_could_have_made_gain_nothing():
    """What counts is the low end of the odds over the days that could have been seen, not the odds."""
    params = read(costs=FREE)
    ftmo = trading_figures(inputs(params, right=0.55), params)[1]
    assert ftmo["pass_probability_low"] < 0.5 < ftmo["pass_probability"]
    assert 0 < ftmo["pass_probability_random_sides"] < ftmo["pass_probability"]
    assert ftmo["pass_probability_gain"] == pytest.approx(
        ftmo["pass_probability_low"] - ftmo["pass_probability_random_sides"]
    )


def test_coins_earn_what_they_cost():
    """Gross near nothing, net below it by every cost; no better than other coins."""
    params = read()
    backtest, ftmo, detail, *_ = trading_figures(inputs(params), params)
    parts = [backtest[name] for name in ("spread_cost", "slippage_cost", "commission_cost")]
    assert backtest["net_pnl"] == pytest.approx(
        backtest["gross_pnl"] - sum(parts) + backtest["swap"], abs=1e-3
    )
    assert min(parts) > 0
    assert max(detail["daily_net_pnl"].values()) < 0
    assert ftmo["pass_probability"] < 0.1
    assert ftmo["zero_edge_p_value"] > 0.05
    assert sum(detail["trades"]["ended_by"].values()) == backtest["trades"]


def test_costs_and_latency_only_cost():
    """Gross stays, net falls with the multiple and with the latency within a candle."""
    params = read()
    _, _, detail, tables, _ = trading_figures(inputs(params, right=0.6), params)
    stress = [point["net_pnl"] for point in detail["cost_stress"].values()]
    late = [point["net_pnl"] for point in list(detail["latency"].values())[:4]]
    assert stress == sorted(stress, reverse=True)
    assert late == sorted(late, reverse=True)
    assert stress[0] == pytest.approx(detail["cost_stress"]["0"]["gross_pnl"])
    assert detail["latency"]["0.5"] == {"latency_s": 0.5} | {
        name: value for name, value in detail["cost_stress"]["1"].items() if name != "multiple"
    }
    assert tables["latency"]["latency_s"].tolist() == [0, 0.1, 0.5, 2, 60]


def test_rules_are_seen_by_leaving_them_out():
    """A tier more brings its own trades; a trend filter takes some away; as traded is the run itself."""
    params = read(signals={"ablation_trends": [0.5]})
    found = ablation(inputs(params), params)
    assert found["tiers A, LSTM alone"] == found["as traded"]
    assert found["tiers A+B, LSTM alone"] != found["tiers A, LSTM alone"]
    assert found["tiers A, trend of at least 0.5"]["trades"] < found["tiers A, LSTM alone"]["trades"]


def test_no_trades_have_no_figures_but_a_reason():
    """A tier that nothing reaches: null, not zero and not NaN, and it says why."""
    params = read(signals={"tiers": {"A": [0.99, 1.0]}, "trade_tiers": ["A"]})
    backtest, ftmo, detail, tables, _ = trading_figures(inputs(params), params)
    assert backtest["trades"] == 0
    for name in ("net_pnl", "gross_pnl", "max_drawdown", "sharpe_ratio", "win_rate", "exposure"):
        assert backtest[name] is None, name
    assert (ftmo["program_passed"], ftmo["pass_probability"], ftmo["zero_edge_p_value"]) == (0, None, None)
    assert detail["reason"] == "no trades"
    assert (tables["equity"]["equity"] == 100_000).all()


def test_limits_are_held_against_the_worst_inside_candles():
    """A candle that sinks by a fifth and comes back: possible, not certain, and the possible one counts."""
    params = read(costs=FREE, signals={"stop": 1000.0, "risk": 1.0}, ftmo={"guard": 0.0})
    made = inputs(params, right=1.0)
    plan = made.plan(params)
    candles = plan.candles
    candles["side"] = 0
    candles["side"][100] = 1
    candles["quantity"] = 1e9
    candles["low"][105] = np.minimum(candles["open"], candles["close"])[105] * 0.8
    result = run_backtest(candles, plan.clock, plan.symbols, plan.rules)
    judged = judge(result, plan, params)["2-step"]
    assert judged.possible["challenge"].status == "daily_loss"
    assert judged.possible["challenge"].bar == 105
    assert judged.certain["challenge"].status == "open"


def test_certain_equity_is_the_lower_of_open_and_close():
    """All symbols had both together, whatever the order inside the candle; its extremes they may not have."""
    bars = np.zeros(2, bar_dtype)
    bars["equity_open"], bars["equity"], bars["equity_low"] = [90, 100], [100, 95], [80, 85]
    assert certain_low(BacktestResult(np.empty(0), bars, 0)).tolist() == [90, 95]


@pytest.mark.parametrize(
    "limit",
    [
        "requests_a_day",
        *(pytest.param(f"positions_{when}", marks=pytest.mark.slow) for when in ("a_day", "at_once")),
    ],
)
def test_each_limit_on_activity_is_held(limit):
    """One more than allowed is outside."""
    params = read()
    made = inputs(params, right=0.6)
    assert trading_figures(made, params)[1]["is_within_limits"] == 1
    assert trading_figures(made, params.changed("ftmo", **{limit: 1}))[1]["is_within_limits"] == 0


def test_the_guard_keeps_from_a_breach_and_is_reported_both_ways():
    """Always wrong on large sizes: with the guard days end early, without it the day's floor breaks."""
    params = read(signals={"risk": 0.02, "stop": 20.0})
    _, _, detail, *_ = trading_figures(inputs(params, right=0.0), params)
    guarded = detail["ftmo"]["phases"]["2-step"]["possible"]["challenge"]
    free = detail["ftmo"]["without_guard"]["2-step"]["possible"]["challenge"]
    assert detail["trades"]["ended_by"]["guard"] > 0
    assert free["status"] == "daily_loss"
    assert guarded["daily_margin"] > free["daily_margin"]


def test_money_by_session_goes_by_when_trades_were_opened():
    """A trade held from one session into the next belongs to the first."""
    params = read(signals={"hold": 300})
    market = inputs(params, right=0.6)
    found = trading_figures(market, params)[2]["sessions"]
    trades = market.trade(params).trades
    entered, left = (
        session_masks(market.market.timestamp[trades[f"{end}_bar"]]) for end in ("entry", "exit")
    )
    assert any((entered[name] != left[name]).any() for name in entered)
    for name, mask in entered.items():
        assert found[name]["trades"] == mask.sum()
        assert found[name]["net_pnl"] == (
            pytest.approx(trades["net_pnl"][mask].sum()) if mask.any() else None
        )


def test_the_zero_edge_control_has_the_same_decisions_and_other_sides():
    """Without costs it earns nothing on average; the same seed throws the same coins."""
    params = read(costs=FREE, ftmo={"control_runs": 200})
    plan = inputs(params, right=0.7).plan(params)
    first, again = trade_random_sides(plan, params), trade_random_sides(plan, params)
    assert np.array_equal(first.net_pnl, again.net_pnl)
    error = first.net_pnl.std() / np.sqrt(200)
    assert abs(first.net_pnl.mean()) < 4 * error
    assert run(plan).bars["balance"][-1] - 100_000 > first.net_pnl.max()


def test_floors_in_the_chart_are_those_of_the_rules():
    """The day's floor is midnight's balance less 5,000, the account's stands at 90,000."""
    params = read()
    made = inputs(params)
    plan = made.plan(params)
    result = run(plan)
    table = trading_figures(made, params)[3]["equity"].set_index("timestamp")
    assert (table["account_floor"] == 90_000).all()
    midnight = pd.Timestamp("2026-01-13 23:00", tz="UTC")  # in Prague
    before = result.bars["balance"][made.market.timestamp < midnight][-1]
    assert table.loc[midnight, "daily_floor"] == pytest.approx(before - 5000)
    assert table.loc[midnight - pd.Timedelta(hours=1), "daily_floor"] != table.loc[midnight, "daily_floor"]


def test_the_same_inputs_give_the_same_json(tmp_path):
    """Byte for byte, and nothing in it is NaN or infinite."""
    params = read()
    for name in ("a", "b"):
        backtest, ftmo, detail, *_ = trading_figures(inputs(params), params)
        write_json(tmp_path / name, {"backtest": backtest, "ftmo": ftmo, "detail": detail})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    json.loads((tmp_path / "a").read_text(), parse_constant=lambda text: pytest.fail(text))


def test_an_account_that_ftmo_does_not_watch_has_no_verdict_and_no_guard(tmp_path):
    """The same trades as without a guard; FTMO's metrics are null with a reason, the rest is as ever."""
    params = read(ftmo={"program": "none"})
    backtest, ftmo, detail, tables, _ = trading_figures(inputs(params), params)
    _, watched, _, others, _ = trading_figures(inputs(params), read(ftmo={"guard": 0.0}))
    assert set(ftmo) == set(watched)
    assert set(ftmo.values()) == {None}
    assert detail["ftmo"]["reason"].startswith("ftmo.program is none")
    for name in ("phases", "without_guard", "starts", "odds", "odds_zero_edge"):
        assert detail["ftmo"][name] == {}, name
    assert tables["equity"][["daily_floor", "account_floor"]].isna().all().all()
    assert tables["equity"]["equity"].equals(others["equity"]["equity"])
    assert tables["odds"].empty
    assert list(tables["odds"]) == list(others["odds"])
    assert backtest["net_pnl"] is not None
    write_json(tmp_path / "metrics", {"backtest": backtest, "ftmo": ftmo, "detail": detail})


def test_long_only_and_coins_are_judged_against_random_times():
    """No trade is short, refused shorts are counted, and knowing the future still beats every control."""
    spot = {name: found | {"kind": "spot"} for name, found in SHIPPED["costs"]["instruments"].items()}
    shorts = []
    for params in (read(costs=FREE, signals={"sides": "long"}), read(costs=FREE | {"instruments": spot})):
        made = inputs(params, right=0.7)
        plan = made.plan(params)
        _, ftmo, detail, *_ = trading_figures(made, params)
        assert (run(plan).trades["side"] == 1).all()
        assert ftmo["zero_edge_p_value"] == pytest.approx(1 / 21)
        assert detail["refused"]["shorts"] > 0
        assert (
            detail["refused"]["wanted"]
            == sum(detail["refused"][k] for k in ("shorts", "inside_costs"))
            + (plan.candles["side"] != 0).sum()
        )
        shorts.append(detail["refused"]["shorts"])
    assert shorts[0] == shorts[1]


@pytest.mark.parametrize(("hold", "minutes"), [(None, 15), (60, 60), (5, 5)])
def test_positions_are_held_as_long_as_asked_and_labels_stay(hold, minutes):
    """Null is the label's horizon; without stops every trade but the last lasts exactly so long."""
    params = read(signals={"hold": hold})
    trades = run(inputs(params).plan(params).without_stops()).trades
    lasted = trades["exit_bar"] - trades["entry_bar"]
    assert params.horizon == SHIPPED["labels"]["horizon"]
    assert (lasted[trades["reason"] == REASONS.index("time")] == minutes).all()
    assert np.median(lasted) == minutes


def test_the_same_trades_end_by_time_where_stops_are_left_out():
    """Sizes of the stop, and no stop."""
    params = read(signals={"stop": 2.0})
    plan = inputs(params).plan(params)
    free = run(plan.without_stops()).trades
    assert set(free["reason"]) <= {REASONS.index(name) for name in ("time", "end", "guard")}
    assert free["quantity"][0] == run(plan).trades["quantity"][0]


def test_a_figure_that_is_no_number_beats_no_control():
    """A comparison with NaN is false, which would count as the best of all."""
    control = RandomSides(np.array([1.0, -2.0, 3.0]), [])
    assert control.p_value(2.0) == pytest.approx(2 / 4)
    assert control.p_value(np.nan) is None
    assert RandomSides(np.array([1.0, np.nan]), []).p_value(2.0) is None


@pytest.mark.parametrize(
    ("listed", "ended"), [(200, 60), *(pytest.param(0, ended, marks=pytest.mark.slow) for ended in (1, 4000))]
)
def test_a_symbol_of_other_days_than_the_first_leaves_every_figure_a_number(listed, ended):
    """Listed later, one minute short, an hour, or days: only ratios and what was not passed are null."""
    params = read()
    backtest, ftmo, *_ = trading_figures(inputs(params, listed=listed, ended=ended), params)
    undefined = {name for name, value in (backtest | ftmo).items() if value is None}
    assert undefined <= {*RATIOS, "best_day_share", "median_days_to_pass"}
    assert np.isfinite([v for v in (backtest | ftmo).values() if v is not None]).all()
    assert ftmo["zero_edge_p_value"] > 0.05
