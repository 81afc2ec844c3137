"""Fills, costs and equity: by hand, against a plain reference, and blind to the future."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest import engine
from tapeline.backtest.engine import ALL, Room, TradedMarket, orders_in, run_backtest, run_orders, sum_orders
from tapeline.backtest.kernel import REASONS, REFUSALS
from tapeline.backtest.records import quote_dtype, refused_dtype, trade_dtype
from tests.backtest.markets import CALM, flat_market, markets
from tests.backtest.reference import Account

COSTS = {
    "spread": "spread_cost",
    "slippage": "slippage_cost",
    "commission": "commission_cost",
    "swap": "swap",
}
RESULTS = {"gross_pnl": "gross", "net_pnl": "net", "mae": "worst", "mfe": "best"}  # by those of the reference
EXACT = ("symbol", "side", "tier", "decision_bar", "entry_bar", "exit_bar")
COUNTS = ("n_open", "n_opened", "n_requests", "has_price")
MONEY = ("balance", "flat_open", "equity_open", "equity_low", "equity", "exposure")


def long_from(bar, *prices, **rules):
    """A market of (open, high, low, close) candles that is wanted long at the close of `bar`."""
    candles, clock, symbols = flat_market(len(prices))
    for i, found in enumerate(prices):
        for name, price in zip(("open", "high", "low", "close"), found, strict=True):
            candles[name][i, 0] = price
    candles["side"][bar] = 1
    return candles, clock, symbols, CALM._replace(**rules)


def assert_close(found, expected, rules, name=""):
    """Money equal to a billionth of itself or of what the account began with."""
    scale = {"rtol": 1e-9, "atol": 1e-9 * rules.initial_balance}
    np.testing.assert_allclose(found, expected, err_msg=name, **scale)


@given(markets())
@settings(max_examples=4 * settings.default.max_examples, deadline=None)
def test_trades_and_equity_are_those_of_the_reference(market):
    """Trade by trade and bar by bar, on markets with every rule in play."""
    candles, _, _, rules = market
    result = run_backtest(*market)
    account = Account(*market)
    trades, bars, unfilled = account.run()
    assert result.n_unfilled == unfilled
    names = "decision_bar", "symbol", "side", "reason", "last_bar"
    refused = [(*(line[name] for name in names), pytest.approx(line["quantity"])) for line in result.refused]
    refused = [(bar, s, side, REFUSALS[k], last, n) for bar, s, side, k, last, n in refused]
    assert sorted(account.refused) == sorted(refused, key=lambda line: line[:2])
    assert len(result.trades) == len(trades)
    for name in EXACT:
        assert result.trades[name].tolist() == [getattr(trade, name) for trade in trades], name
    assert [REASONS[reason] for reason in result.trades["reason"]] == [trade.reason for trade in trades]
    for name in ("quantity", "entry_price", "exit_price"):
        expected = [getattr(trade, name) for trade in trades]
        np.testing.assert_allclose(result.trades[name], expected, rtol=1e-6, err_msg=name)
    for name, attribute in RESULTS.items():
        assert_close(result.trades[name], [getattr(trade, attribute) for trade in trades], rules, name)
    for name, column in COSTS.items():
        assert_close(result.trades[column], [trade.costs[name] for trade in trades], rules, name)
    assert len(bars) == len(candles)
    for name in COUNTS:
        assert result.bars[name].tolist() == [bar[name] for bar in bars], name
    for name in MONEY:
        assert_close(result.bars[name], [bar[name] for bar in bars], rules, name)


@given(markets())
@settings(max_examples=2 * settings.default.max_examples, deadline=None)
def test_cash_fees_and_equity_reconcile(market):
    """From the trades alone: balance on every bar, parts of every trade, signs of every cost."""
    rules = market[3]
    trades, bars = (result := run_backtest(*market)).trades, result.bars
    parts = trades["gross_pnl"] - trades["spread_cost"] - trades["slippage_cost"] - trades["commission_cost"]
    assert_close(trades["net_pnl"], parts + trades["swap"], rules)
    assert_close(bars["balance"][-1], rules.initial_balance + trades["net_pnl"].sum(), rules)
    assert bars["equity"][-1] == bars["balance"][-1]
    for name in ("spread_cost", "slippage_cost", "commission_cost", "mae", "mfe", "quantity"):
        assert (trades[name] >= 0).all(), name
    assert (trades["entry_bar"] >= trades["decision_bar"] + rules.delay).all()
    assert (bars["equity_low"] <= np.minimum(bars["equity_open"], bars["equity"]) + 1e-9).all()
    symbols = market[2]
    steps = trades["quantity"] / symbols["step"][trades["symbol"]]
    assert np.allclose(steps, np.round(steps), rtol=1e-6, atol=1e-12)
    assert (trades["quantity"] <= symbols["maximum"][trades["symbol"]]).all()
    flat = bars["n_open"] == 0
    assert_close(bars["equity"][flat], bars["balance"][flat], rules)


@given(markets(), st.data())
@settings(max_examples=200, deadline=None)
def test_nothing_before_a_cut_hangs_on_what_comes_after(market, data):
    """Other candles and wishes from a bar on leave every earlier bar as it was."""
    candles, clock, symbols, rules = market
    cut = data.draw(st.integers(0, len(candles) - 1))
    other, later = candles.copy(), clock.copy()
    for name in ("open", "high", "low", "close"):
        other[name][cut:] *= 3.0
    other["side"][cut:] *= np.where(symbols["is_spot"], 0, -1).astype(np.int8)
    later["nights"][cut:] = 1
    first = run_backtest(candles, clock, symbols, rules)
    second = run_backtest(other, later, symbols, rules)
    assert first.bars[:cut].tobytes() == second.bars[:cut].tobytes()
    done = [r.trades[(r.trades["exit_bar"] < cut)] for r in (first, second)]
    assert np.array_equal(*done)


def split(candles, clock, symbols, rules):
    """The market that many backtests share, and the orders of this one."""
    quotes = np.empty(candles.shape, quote_dtype)
    for name in quote_dtype.names:
        quotes[name] = candles[name]
    return TradedMarket(quotes, clock, symbols, rules.basis), orders_in(candles)


@given(markets(), st.sets(st.sampled_from(ALL)))
@settings(deadline=None)
def test_a_column_is_the_same_whatever_else_is_asked_for(market, names):
    """Those asked for and no other, and the same trades."""
    whole, (shared, orders) = run_backtest(*market), split(*market)
    part = run_orders(shared, orders, market[3], tuple(names))
    assert set(part.series) - {"has_price"} == names
    assert part.trades.tobytes() == whole.trades.tobytes()
    for name in names:
        assert np.array_equal(part.series[name], whole.bars[name], equal_nan=True), name


@given(markets(), st.data())
@settings(deadline=None)
def test_a_summary_is_what_the_bars_add_up_to(market, data):
    """To the bit: trades, equity at any closes, both drawdowns; in memory that another account has filled,
    in blocks of bars of any length, beside an account of other rules.
    """
    (shared, orders), rules, clock = split(*market), market[3], market[1]
    closes = np.array(sorted(data.draw(st.sets(st.integers(0, len(clock) - 1)))), dtype=np.int64)
    room, result = Room(), run_orders(shared, orders, rules)
    for name, dtype in (("trades", trade_dtype), ("refused", refused_dtype)):
        room.lines(name, dtype, len(orders) + 3).view(np.uint8)[:] = 255
    beside = orders[::2], rules._replace(hold=rules.hold + 1, max_positions=1), Room()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "BLOCK", data.draw(st.integers(1, len(clock) + 1)))
        summary = sum_orders(shared, [(orders, rules, room), beside], closes)[0]
    equity, low = result.series["equity"], result.series["equity_low"]
    peaks = np.maximum.accumulate(np.concatenate([[rules.initial_balance], equity]))
    assert np.array_equal(summary.trades, result.trades)
    assert np.array_equal(summary.equity, equity[closes])
    assert summary.max_drawdown == (1 - equity / peaks[1:]).max(initial=0.0)
    assert summary.max_drawdown_inside == (1 - low / peaks[:-1]).max(initial=0.0)


def test_orders_must_fit_the_market():
    """In order, of bars and symbols that are there, at the price of trading that the market was made for."""
    candles, clock, symbols = flat_market(5, 2)
    candles["side"][1:3] = 1
    shared, orders = split(candles, clock, symbols, CALM)
    beyond = orders.copy()
    beyond["symbol"][-1] = 2
    for wrong in (orders[::-1].copy(), np.concatenate([orders, orders]), beyond):
        with pytest.raises(ValueError, match="orders must be of bars and symbols of the market"):
            run_orders(shared, wrong, CALM)
    with pytest.raises(ValueError, match="the rules' basis is 0.1, the market's 0.0"):
        run_orders(shared, orders, CALM._replace(basis=0.1))


def test_a_known_path_without_costs_by_hand():
    """Long 10 from the next open, 100, to the open three bars on, 109."""
    market = long_from(
        0,
        (90, 95, 89, 95),
        (100, 103, 99, 102),
        (105, 109, 104, 108),
        (109, 111, 108, 110),
        (109, 112, 108, 111),
    )
    result = run_backtest(*market)
    trade = result.trades[0]
    assert [trade[n] for n in ("decision_bar", "entry_bar", "exit_bar")] == [0, 1, 4]
    assert trade["net_pnl"] == 90
    assert (result.bars["equity"] - 100_000).tolist() == [0, 20, 80, 100, 90]
    assert (result.bars["equity_low"] - 100_000).tolist() == [0, -10, 40, 80, 90]
    assert (trade["mae"], trade["mfe"]) == (10, 110)


def test_costs_of_one_trade_by_hand():
    """Half a spread of 1 % and slippage of 0.5 % on both fills, commission of 0.1 % of each notional."""
    candles, clock, symbols, rules = long_from(0, *[(100, 100, 100, 100)] * 2, (200, 200, 200, 200), hold=1)
    candles["half_spread"], candles["slippage"], symbols["fee"]["rate"] = 0.01, 0.005, 0.001
    trade = run_backtest(candles, clock, symbols, rules).trades[0]
    assert (trade["entry_price"], trade["exit_price"]) == pytest.approx((101.5, 197))
    assert trade["gross_pnl"] == pytest.approx(1000)
    assert trade["spread_cost"] == pytest.approx(10 * 0.01 * 300)
    assert trade["slippage_cost"] == pytest.approx(10 * 0.005 * 300)
    assert trade["commission_cost"] == pytest.approx(10 * 0.001 * (101.5 + 197))
    assert trade["net_pnl"] == pytest.approx(1000 - 45 - 2.985)


def test_commission_is_paid_half_at_opening_half_at_closing():
    """Balance falls by the first half at once; the worst equity has the second one too, if asked to."""
    candles, clock, symbols, rules = long_from(0, *[(100, 100, 100, 100)] * 5)
    symbols["fee"]["rate"] = 0.000325
    bars = run_backtest(candles, clock, symbols, rules).bars
    half = 1000 * 0.000325
    assert bars["balance"] - 100_000 == pytest.approx([0, -half, -half, -half, -2 * half])
    assert bars["equity_low"] - 100_000 == pytest.approx([0, -2 * half, -2 * half, -2 * half, -2 * half])
    plain = run_backtest(candles, clock, symbols, rules._replace(exit_commission=0.0)).bars
    assert plain["equity_low"][:4] - 100_000 == pytest.approx([0, -half, -half, -half])


@pytest.mark.parametrize(
    ("candle", "price", "reason"),
    [
        ((100, 101, 96, 97), 97.0, "stop"),  # reached inside
        ((95, 96, 94, 95), 95.0, "stop"),  # gapped through: the open
        ((100, 106, 96, 100), 97.0, "stop"),  # both inside: the stop is taken to come first
        ((100, 106, 98, 100), 104.0, "target"),
        ((107, 108, 106, 107), 107.0, "target"),  # gapped through: the open, as a limit order gets it
        ((100, 104, 98, 100), None, None),  # touching a target is not trading through it
    ],
)
def test_stops_and_targets(candle, price, reason):
    """Stop 3 below and target 4 above an entry at 100, on the candle after it."""
    market = long_from(
        0, (100, 100, 100, 100), (100, 101, 99, 100), candle, *[(100, 100, 100, 100)] * 4, hold=9
    )
    market[0]["stop"], market[0]["target"] = 3.0, 4.0
    trade = run_backtest(*market).trades[0]
    if reason is None:
        assert REASONS[trade["reason"]] == "end"
    else:
        assert (trade["exit_price"], REASONS[trade["reason"]], trade["exit_bar"]) == (price, reason, 2)


@given(markets())
@settings(max_examples=2 * settings.default.max_examples, deadline=None)
def test_exits_lie_within_what_the_candle_was_quoted_at(market):
    """Bid of a long, ask of a short, from lowest to highest, less slippage."""
    candles, _, _, rules = market
    for trade in run_backtest(*market).trades:
        c, side = candles[trade["exit_bar"], trade["symbol"]], trade["side"]
        if not c["can_fill"]:
            assert REASONS[trade["reason"]] == "end"
            continue
        slip = c["slippage"] + (rules.basis if REASONS[trade["reason"]] == "stop_out" else 0)
        quoted = [c[name] * (1 - side * c["half_spread"]) for name in ("low", "high")]
        worst, best = quoted[:: int(side)]
        worst -= side * (slip + rules.basis) * c["high"]
        room = 1e-9 * c["high"]
        assert side * (trade["exit_price"] - worst) >= -room
        assert side * (best - trade["exit_price"]) >= -room
        if REASONS[trade["reason"]] in ("stop", "time", "guard", "end"):
            assert side * (best - side * c["slippage"] * c["low"] - trade["exit_price"]) >= -room


@pytest.mark.parametrize(
    ("side", "entry", "exit_price"), [(1, 100 * 1.0325, 100 * 0.9675), (-1, 100 * 0.9675, 100 * 1.0325)]
)
def test_a_stop_that_the_spread_has_passed_is_filled_at_the_opens_quote(side, entry, exit_price):
    """Half a spread of 3 and slippage of 0.25 in 100, stop 2.5 away: the open's bid or ask less slippage."""
    candles, clock, symbols, rules = long_from(0, (100, 100, 100, 100), *[(100, 101, 99, 100)] * 4)
    candles["half_spread"], candles["slippage"], candles["stop"] = 0.03, 0.0025, 2.5
    candles["side"] *= side
    result = run_backtest(candles, clock, symbols, rules)
    trade = result.trades[0]
    assert (trade["entry_price"], trade["exit_price"]) == pytest.approx((entry, exit_price))
    assert (REASONS[trade["reason"]], trade["entry_bar"], trade["exit_bar"]) == ("stop", 1, 1)
    assert trade["gross_pnl"] == pytest.approx(0, abs=1e-9)
    assert trade["net_pnl"] == pytest.approx(-10 * 6.5)
    assert result.bars["equity_low"][1] == pytest.approx(100_000 - 65)


def test_a_weekend_entry_of_a_wide_spread_by_hand():
    """Bought at the ask, 10,000 units; the highest bid, 0.97695, is below the stop; sold at 0.9745."""
    candles, clock, symbols, rules = long_from(
        0, (0.98, 0.98, 0.98, 0.98), (0.9800, 0.9818, 0.9790, 0.9801), (0.98, 0.98, 0.98, 0.98)
    )
    candles["half_spread"], candles["slippage"] = 0.005, 0.0006
    candles["stop"], candles["quantity"], symbols["fee"]["rate"] = 0.004, 10_000, 0.000325
    trade = run_backtest(candles, clock, symbols, rules).trades[0]
    assert trade["entry_price"] == pytest.approx(0.985488)
    assert trade["exit_price"] == pytest.approx(0.974512)
    assert trade["net_pnl"] == pytest.approx(-109.76 - 6.37)
    assert trade["commission_cost"] == pytest.approx(3.2028 + 3.1672, abs=1e-3)


@pytest.mark.parametrize("side", [1, -1])
def test_a_target_passed_at_the_open_is_filled_there_even_if_time_is_up(side):
    """Half a spread of 1 in 100, no slippage, as a limit order; an order to close was sent as well."""
    away = (100 + side * 20,) * 4
    candles, clock, symbols, rules = long_from(0, *[(100,) * 4] * 3, away, (100,) * 4, hold=2)
    candles["half_spread"], candles["slippage"], candles["target"] = 0.01, 0.002, 5.0
    candles["side"] *= side
    result = run_backtest(candles, clock, symbols, rules)
    trade = result.trades[0]
    assert trade["exit_price"] == pytest.approx(away[0] * (1 - side * 0.01))
    assert (REASONS[trade["reason"]], trade["exit_bar"]) == ("target", 3)
    assert trade["slippage_cost"] == pytest.approx(10 * 100 * 0.002)
    assert result.bars["n_requests"].tolist() == [1, 0, 0, 1, 0]


@pytest.mark.parametrize("missing", [1, 3])
def test_a_symbol_that_ends_before_the_others_leaves_at_its_last_mark(missing):
    """Marked at 104 with a spread of 1 %, slippage last 0.5 %; the other symbol goes on; all are numbers."""
    candles, clock, symbols = flat_market(6, 2)
    candles["side"][0] = 1
    candles["close"][5 - missing, 0] = candles["high"][5 - missing, 0] = 104
    candles["half_spread"], candles["slippage"][:, 0] = 0.005, 0.005
    gone = candles[6 - missing :, 0]
    for name in ("open", "high", "low", "close", "slippage"):
        gone[name] = np.nan
    for name in ("has_price", "can_fill", "may_open"):
        gone[name] = False
    result = run_backtest(candles, clock, symbols, CALM._replace(hold=9))
    trade = result.trades[0]
    assert (trade["exit_bar"], REASONS[trade["reason"]]) == (5, "end")
    assert trade["exit_price"] == pytest.approx(104 * 0.99)
    assert trade["slippage_cost"] == pytest.approx(10 * (100 + 104) * 0.005)
    assert trade["net_pnl"] == pytest.approx(10 * (104 * 0.99 - 101))
    for name in ("balance", "equity", "equity_low", "exposure"):
        assert np.isfinite(result.bars[name]).all(), name


def test_nothing_fills_before_slippage_is_known():
    """Wanted from its first candle on: filled at the first open that can, and refused where it could not."""
    candles, clock, symbols, rules = long_from(0, *[(100, 100, 100, 100)] * 6, hold=9)
    candles["side"], candles["slippage"][:3] = 1, np.nan
    with pytest.raises(ValueError, match="bar 0 of symbol 0 can't be traded"):
        run_backtest(candles, clock, symbols, rules)
    candles["can_fill"][:3] = candles["may_open"][:3] = False
    result = run_backtest(candles, clock, symbols, rules)
    assert result.trades["entry_bar"].tolist() == [3]
    assert (result.bars["equity"] == 100_000).all()


def spot(*prices, **rules):
    """A market that is wanted long at its first close, 900 coins of 100 bought in cash."""
    candles, clock, symbols, found = long_from(0, *[(price,) * 4 for price in prices], hold=9, **rules)
    candles["quantity"], candles["stop"], symbols["is_spot"] = 900, 99.0, True
    return candles, clock, symbols, found


def test_coins_are_nobodys_margin():
    """They fall by nine tenths: on margin the broker closes, in cash they are held."""
    candles, clock, symbols, rules = spot(100, 100, 100, 10, 10, 100)
    kept = run_backtest(candles, clock, symbols, rules).trades[0]
    assert (REASONS[kept["reason"]], kept["net_pnl"]) == ("end", 0)
    symbols["is_spot"] = False
    assert REASONS[run_backtest(candles, clock, symbols, rules).trades[0]["reason"]] == "stop_out"


def test_open_profit_buys_no_coins():
    """With 90,000 of 100,000 spent and coins worth twice as much, 10,000 are left; commission counts."""
    candles, clock, symbols = flat_market(6, 2)
    candles["side"][0, 0] = candles["side"][2, 1] = 1
    for name in ("open", "high", "low", "close"):
        candles[name][2:, 0] = 200
    candles["quantity"], candles["stop"] = 900, 99.0
    rules = CALM._replace(hold=9)
    on_margin = run_backtest(candles, clock, symbols, rules).trades["quantity"]
    symbols["is_spot"] = True
    in_cash = run_backtest(candles, clock, symbols, rules)
    assert (on_margin.tolist(), in_cash.trades["quantity"].tolist()) == ([900, 900], [900, 100])
    symbols["fee"]["rate"] = 0.001
    assert run_backtest(candles, clock, symbols, rules).trades["quantity"].tolist() == [900, 99]


def test_coins_are_not_sold_short():
    """Nobody lends them."""
    candles, clock, symbols, rules = spot(100, 100, 100)
    candles["side"][0] = -1
    with pytest.raises(ValueError, match="bar 0 of symbol 0 can't be traded"):
        run_backtest(candles, clock, symbols, rules)


def test_swap_is_booked_at_the_open_of_its_night_and_paid_at_the_end():
    """Three nights at 0.1 % of what it is worth there; on equity at once, on the balance when it ends."""
    candles, clock, symbols, rules = long_from(0, *[(100, 100, 100, 100)] * 5)
    symbols["swap_long"], clock["nights"][2] = -0.001, 3
    result = run_backtest(candles, clock, symbols, rules)
    assert result.trades["swap"][0] == pytest.approx(-3.0)
    assert result.bars["equity_open"] - 100_000 == pytest.approx([0, 0, -3, -3, -3])
    assert result.bars["balance"] - 100_000 == pytest.approx([0, 0, 0, 0, -3])


def test_a_position_is_held_through_a_gap_and_nothing_fills_in_it():
    """Due in the gap, it ends at the first open after it; its mark stands still in between."""
    candles, clock, symbols, rules = long_from(
        0, (100, 100, 100, 100), (100, 101, 100, 101), *[(np.nan,) * 4] * 4, (90, 90, 90, 90), hold=2
    )
    for name in ("has_price", "can_fill", "may_open"):
        candles[name][2:6] = False
    result = run_backtest(candles, clock, symbols, rules)
    assert (result.trades["exit_bar"][0], result.trades["exit_price"][0]) == (6, 90)
    assert (result.bars["equity"] - 100_000).tolist() == [0, 10, 10, 10, 10, 10, -100]


def test_an_order_waits_as_long_as_its_horizon():
    """Filled at the first open that can; given up, and counted, when the horizon has run out."""
    for closed, filled in ((3, 1), (4, 0)):
        candles, clock, symbols, rules = long_from(0, *[(100, 100, 100, 100)] * 9)
        candles["may_open"][1 : closed + 1] = False
        result = run_backtest(candles, clock, symbols, rules._replace(hold=4 if filled else 3))
        assert (len(result.trades), result.n_unfilled) == (filled, 1 - filled)


def test_the_guard_ends_the_day_and_the_next_one_trades_again():
    """A loss of 50 at the worst of a candle: out at the next open, no order until the day has changed."""
    prices = [(100, 100, 100, 100)] * 2 + [(100, 100, 95, 100)] + [(100, 100, 100, 100)] * 7
    candles, clock, symbols, rules = long_from(0, *prices, hold=8, guard_loss=50.0)
    candles["side"] = 1
    clock["day"][6:] = 1
    result = run_backtest(candles, clock, symbols, rules)
    assert result.trades["entry_bar"].tolist() == [1, 7]
    assert (result.trades["exit_bar"][0], REASONS[result.trades["reason"][0]]) == (3, "guard")


def test_a_position_held_over_midnight_is_guarded_by_the_new_balance():
    """A profit of 100 was booked before it: falling back by 60 ends the day, though the account is up."""
    prices = [(100,) * 4] * 2 + [(110,) * 4] * 7 + [(110, 110, 104, 110)] + [(110,) * 4] * 3
    candles, clock, symbols, rules = long_from(0, *prices, hold=8, guard_loss=50.0)
    candles["side"][3] = 1
    candles["target"][0] = 5.0  # passed at the third open
    result = run_backtest(candles, clock, symbols, rules)
    assert REASONS[result.trades["reason"][1]] == "time"
    clock["day"][5:] = 1
    result = run_backtest(candles, clock, symbols, rules)
    assert result.trades["entry_bar"].tolist() == [1, 4]
    assert (result.trades["exit_bar"][1], REASONS[result.trades["reason"][1]]) == (10, "guard")


def test_margin_caps_what_is_ordered_and_the_broker_closes_what_it_must():
    """Half the equity at most is margin; equity at half the margin closes at the candle's worst."""
    prices = [(100, 100, 100, 100)] * 3 + [(100, 100, 40, 90)] + [(90, 90, 90, 90)]
    candles, clock, symbols, rules = long_from(0, *prices, hold=9, max_margin=1.0)
    candles["quantity"], candles["stop"] = 1e6, 99.0
    result = run_backtest(candles, clock, symbols, rules)
    assert result.trades["quantity"][0] == 1000
    assert (result.trades["exit_price"][0], REASONS[result.trades["reason"][0]]) == (40, "stop_out")
    half = run_backtest(candles, clock, symbols, rules._replace(max_margin=0.5))
    assert half.trades["quantity"][0] == 500
    assert REASONS[half.trades["reason"][0]] == "end"


def test_ruin_ends_the_account():
    """A gap below nothing is paid for, and nothing is ordered afterwards, in no size."""
    prices = [(100, 100, 100, 100)] * 3 + [(10, 10, 10, 10)] * 4
    candles, clock, symbols, rules = long_from(0, *prices, hold=9)
    candles["side"], candles["quantity"], candles["stop"], symbols["leverage"] = 1, 1e6, 99.0, 10.0
    result = run_backtest(candles, clock, symbols, rules)
    assert result.bars["equity"][-1] < 0
    assert len(result.trades) == 1
    assert (result.bars["equity"][3:] == result.bars["equity"][3]).all()


def test_portfolio_caps_count_orders_too():
    """Of three symbols wanted at one close, two get their orders."""
    candles, clock, symbols = flat_market(6, 3)
    candles["side"][0] = 1
    result = run_backtest(candles, clock, symbols, CALM._replace(max_positions=2))
    assert result.trades["symbol"].tolist() == [0, 1]
    assert result.bars["n_requests"][0] == 2


def test_no_wish_no_trade():
    """A flat account stays what it was."""
    result = run_backtest(*flat_market(5), CALM)
    assert result.trades.size == 0
    assert (result.bars["equity"] == 100_000).all()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("open", np.nan), ("low", 0.0), ("low", 101.0), ("high", np.inf), ("high", 99.0),
        ("half_spread", -0.1), ("half_spread", 1.0), ("slippage", np.nan), ("quantity", -1.0), ("stop", 0.0),
        ("quantity", np.nan), ("target", np.nan), ("has_price", False),
    ],
)  # fmt: skip
def test_what_cannot_be_traded_is_refused(column, value):
    """Zero and NaN prices, a spread wider than the price, negative sizes: bar and symbol are named."""
    candles, clock, symbols = flat_market(3, 2)
    candles["side"] = 1
    candles[column][1, 1] = value
    with pytest.raises(ValueError, match="bar 1 of symbol 1 can't be traded"):
        run_backtest(candles, clock, symbols, CALM)


def test_shapes_that_do_not_fit_are_refused():
    """Candles of other bars or symbols than the clock's, rules that can't be."""
    candles, clock, symbols = flat_market(3, 2)
    with pytest.raises(ValueError, match="candles of shape"):
        run_backtest(candles, clock[:2], symbols, CALM)
    with pytest.raises(ValueError, match="clock are of dtype"):
        run_backtest(candles, symbols, symbols, CALM)
    for wrong in ({"hold": 0}, {"delay": 0}, {"initial_balance": 0.0}):
        with pytest.raises(ValueError, match="must be positive"):
            run_backtest(candles, clock, symbols, CALM._replace(**wrong))
