"""Fills, costs and equity: by hand, against a plain reference, and blind to the future."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest.costs import InstrumentCosts
from tapeline.backtest.engine import run_backtest
from tapeline.backtest.records import trade_dtype
from tests.backtest.reference import reference_equity_change, reference_trades

FREE = InstrumentCosts(spread_bps=0.0, commission_bps=0.0)
DEAR = InstrumentCosts(spread_bps=200.0, commission_bps=10.0)
NOTIONAL = 1000.0


def candle_table(open_, close, is_filled=None, segment=None):
    """Candles with the columns that the engine reads."""
    n = len(open_)
    return pd.DataFrame(
        {
            "open": np.array(open_, dtype=float),
            "close": np.array(close, dtype=float),
            "is_filled": np.zeros(n, bool) if is_filled is None else np.array(is_filled, dtype=bool),
            "segment": np.zeros(n, np.int32) if segment is None else np.array(segment, dtype=np.int32),
        }
    )


def sides(*values):
    """Sides wanted at each close."""
    return np.array(values, dtype=np.int8)


@st.composite
def markets(draw):
    """Candles with gaps and filled candles, sides and a horizon."""
    n = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    table = candle_table(
        rng.uniform(50, 150, n),
        rng.uniform(50, 150, n),
        rng.random(n) < draw(st.sampled_from([0.0, 0.2, 0.6])),
        np.cumsum(rng.random(n) < draw(st.sampled_from([0.0, 0.1, 0.4]))),
    )
    wanted = rng.choice([-1, 0, 1], n, p=draw(st.sampled_from([[0.5, 0, 0.5], [0.1, 0.8, 0.1]])))
    return table, wanted.astype(np.int8), draw(st.integers(1, 8))


def reference(table, side, horizon, costs=DEAR, **planted):
    """Trades and changes of equity of the reference, as the engine returns them."""
    rates = costs.half_spread, costs.commission
    trades, n_unfilled = reference_trades(table, side, horizon, *rates, NOTIONAL, **planted)
    rows = np.array([tuple(t[name] for name in trade_dtype.names) for t in trades], dtype=trade_dtype)
    return rows, reference_equity_change(table, trades, *rates), n_unfilled


def engine(table, side, horizon, costs=DEAR):
    """Trades and changes of equity of the engine."""
    result = run_backtest(table, side, horizon, costs, NOTIONAL)
    return result.trades, result.equity_change, result.n_unfilled


def test_a_known_path_without_costs_by_hand():
    """Long from the next open, 100, to the open two bars on, 110; then short till the last close, 121."""
    table = candle_table([90, 100, 105, 110, 115, 120], [95, 102, 108, 111, 119, 121])
    trades, change, n_unfilled = engine(table, sides(1, 0, -1, -1, 0, 0), 2, FREE)
    assert trades["decision_bar"].tolist() == [0, 2]
    assert trades["entry_bar"].tolist() == [1, 3]
    assert trades["exit_bar"].tolist() == [3, 5]
    assert trades["net_pnl"] == pytest.approx([100.0, -1000 / 110 * 10])
    equity = np.cumsum(change)
    held_short = -1000 / 110 * np.array([111 - 110, 119 - 110, 120 - 110])
    assert equity == pytest.approx([0, 20, 80, *(100 + held_short)])
    assert n_unfilled == 0


def test_costs_of_one_trade_by_hand():
    """Bought at the ask and sold at the bid, 1 % off the middle; 0.1 % commission on each fill's notional."""
    table = candle_table([100, 100, 200], [100, 150, 200])
    trades, change, _ = engine(table, sides(1, 0, 0), 1)
    quantity = 1000 / 101
    trade = trades[0]
    assert (trade["entry_price"], trade["exit_price"]) == pytest.approx((101, 198))
    assert trade["quantity"] == pytest.approx(quantity)
    assert trade["gross_pnl"] == pytest.approx(quantity * 100)
    assert trade["spread_cost"] == pytest.approx(quantity * 3)
    assert trade["commission_cost"] == pytest.approx(1.0 + 0.001 * quantity * 198)
    assert trade["net_pnl"] == pytest.approx(quantity * 97 - trade["commission_cost"])
    at_bid = quantity * (150 * 0.99 - 101)
    assert change == pytest.approx([0, at_bid - 1.0, trade["net_pnl"] - at_bid + 1.0])


def test_filled_candles_fill_no_order():
    """Entry and exit both wait for the next real candle; the horizon counts from the fill."""
    is_filled = [0, 1, 1, 0, 1, 1, 0, 0]
    trades, _, _ = engine(candle_table([100] * 8, [100] * 8, is_filled), sides(1, -1, -1, 0, 0, 0, 0, 0), 2)
    assert [trades[0][name] for name in ("entry_bar", "exit_bar", "side")] == [3, 6, 1]
    assert len(trades) == 1


def test_nothing_crosses_a_segment():
    """A position is cut at the last close, an order on the last bar is never filled, and both are told."""
    table = candle_table([100] * 6, [100, 100, 120, 100, 100, 100], segment=[0, 0, 0, 1, 1, 1])
    trades, change, n_unfilled = engine(table, sides(0, 1, 1, 0, 0, -1), 15, FREE)
    assert [trades[0][name] for name in ("entry_bar", "exit_bar")] == [2, 2]
    assert trades[0]["is_cut"]
    assert change == pytest.approx([0, 0, 200, 0, 0, 0])
    assert (len(trades), n_unfilled) == (1, 2)


def test_an_entry_may_share_the_bar_of_the_exit_before_it():
    """Wanted long at every close, a symbol is held without a pause, one position at a time."""
    trades, _, _ = engine(candle_table([100] * 8, [100] * 8), np.ones(8, np.int8), 3)
    assert trades["entry_bar"].tolist() == [1, 4, 7]
    assert trades["exit_bar"].tolist() == [4, 7, 7]
    assert trades["is_cut"].tolist() == [False, False, True]


@settings(max_examples=300, deadline=None)
@given(markets(), st.sampled_from([FREE, DEAR]))
def test_the_engine_equals_a_plain_reference(market, costs):
    """Every field of every trade, every change of equity, every unfilled order; and both sums agree."""
    trades, change, n_unfilled = engine(*market, costs)
    expected, expected_change, expected_unfilled = reference(*market, costs)
    assert n_unfilled == expected_unfilled
    assert len(trades) == len(expected)
    for name in trade_dtype.names:
        np.testing.assert_allclose(trades[name], expected[name], rtol=1e-12, atol=1e-9, err_msg=name)
    np.testing.assert_allclose(change, expected_change, atol=1e-9)
    assert change.sum() == pytest.approx(trades["net_pnl"].sum(), abs=1e-9)


def past_hangs_on_later_sides(run, table, side, horizon, bar):
    """Whether equity up to the close of `bar` changes with what is wanted at that close or later."""
    other = np.where(np.arange(side.size) >= bar, 1 - np.abs(side), side).astype(np.int8)
    return not np.array_equal(
        run(table, side, horizon)[1][: bar + 1], run(table, other, horizon)[1][: bar + 1]
    )


def fills_hang_on_later_prices(run, table, side, horizon, bar):
    """Whether entries up to `bar`, or equity before it, change with prices after the open of `bar`."""
    other = table.copy()
    other.loc[bar:, "close"] *= 1.5
    other.loc[bar + 1 :, "open"] *= 1.5
    (trades, change, _), (moved, moved_change, _) = run(table, side, horizon), run(other, side, horizon)
    entered = trades[trades["entry_bar"] <= bar][["entry_bar", "side", "entry_price"]]
    return not (
        np.array_equal(entered, moved[moved["entry_bar"] <= bar][["entry_bar", "side", "entry_price"]])
        and np.array_equal(change[:bar], moved_change[:bar])
    )


@settings(max_examples=200, deadline=None)
@given(markets(), st.data())
def test_the_future_changes_no_fill(market, data):
    """A close decides for later bars alone, and a fill knows of its own bar no more than the open."""
    bar = data.draw(st.integers(0, len(market[0]) - 1))
    assert not past_hangs_on_later_sides(engine, *market, bar)
    assert not fills_hang_on_later_prices(engine, *market, bar)


@pytest.mark.parametrize(
    ("planted", "check"),
    [({"lag": 0}, past_hangs_on_later_sides), ({"filled_at": "close"}, fills_hang_on_later_prices)],
)
def test_a_planted_look_ahead_is_seen(planted, check):
    """Those checks do fail for an engine that fills on the deciding bar, or at the close of the next."""
    rng = np.random.default_rng(0)
    table = candle_table(rng.uniform(50, 150, 30), rng.uniform(50, 150, 30))
    side = rng.choice([-1, 0, 1], 30).astype(np.int8)

    def cheat(*market):
        return reference(*market, **planted)

    assert any(check(cheat, table, side, 3, bar) for bar in range(30))
    assert not any(check(reference, table, side, 3, bar) for bar in range(30))


def test_the_same_input_gives_the_same_bytes():
    """Records hold no stray memory; no candles or no wish to trade is an empty result."""
    table = candle_table([100, 101, 103, 99], [100, 102, 101, 98])
    runs = [engine(table, sides(1, 0, -1, 0), 1)[0].tobytes() for _ in range(2)]
    assert runs[0] == runs[1]
    for n in (0, 4):
        trades, change, n_unfilled = engine(table[:n], np.zeros(n, np.int8), 1)
        assert (len(trades), change.tolist(), n_unfilled) == (0, [0.0] * n, 0)


@pytest.mark.parametrize(
    ("open_", "side", "horizon", "notional", "rule"),
    [
        ([1, 1], sides(1), 1, 1.0, "for each of 2 candles"),
        ([1, 1], sides(1, 2), 1, 1.0, "must be -1, 0 or 1"),
        ([1, 0], sides(1, 1), 1, 1.0, "open prices must be positive"),
        ([1, np.nan], sides(1, 1), 1, 1.0, "open prices must be positive"),
        ([1, 1], sides(1, 1), 0, 1.0, "horizon 0 must be >= 1"),
        ([1, 1], sides(1, 1), 1, np.inf, "notional inf positive and finite"),
    ],
)
def test_input_without_meaning_is_refused(open_, side, horizon, notional, rule):
    """Nothing is traded on prices or sides that can't be."""
    with pytest.raises(ValueError, match=rule):
        run_backtest(candle_table(open_, [1, 1]), side, horizon, FREE, notional)
