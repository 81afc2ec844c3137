"""An account kept up bar by bar: cut where one likes, it is the backtest's own."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest.engine import TradedMarket, orders_in, run_backtest
from tapeline.backtest.records import quote_dtype
from tapeline.backtest.running import RunningAccount
from tests.backtest.markets import CALM, flat_market, markets


def followed(quotes, clock, symbols, orders, rules, cuts, lead):
    """The account after stretches that end at `cuts`, and every stretch."""
    account, stretches, n = RunningAccount(len(symbols), rules), [], len(clock)
    for first, until in zip([0, *cuts[:-1]], cuts, strict=True):
        begin = max(0, first - lead)
        more = np.zeros((1, len(symbols)), quote_dtype)  # nothing is known of the bar to come
        for name in ("open", "high", "low", "close", "slippage"):
            more[name] = np.nan
        market = TradedMarket(
            np.concatenate([quotes[begin:until], more]),
            np.concatenate([clock[begin:until], clock[until - 1 : until]]),
            symbols,
            rules.basis,
        )
        own = orders[(orders["bar"] >= first) & (orders["bar"] < until)].copy()
        own["bar"] -= begin
        stretches.append(account.trade(market, own, first - begin))
    assert account.next_bar == n
    return account, stretches


def same(found, expected):
    """Records with the same values in every field; NaN is NaN."""
    for name in expected.dtype.names:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)


@given(markets(), st.data())
@settings(max_examples=3 * settings.default.max_examples, deadline=None)
def test_any_cut_of_the_bars_comes_to_the_backtest(market, data):
    """Trades, refusals and every bar but the last, to the bit; the last too, once the account is ended."""
    candles, clock, symbols, rules = market
    whole = run_backtest(*market)
    quotes = np.zeros(candles.shape, quote_dtype)
    for name in quote_dtype.names:
        quotes[name] = candles[name]
    cuts = sorted({*data.draw(st.lists(st.integers(1, len(clock)), max_size=8)), len(clock)})
    orders, lead = orders_in(candles), data.draw(st.integers(0, 2))
    account, stretches = followed(quotes, clock, symbols, orders, rules, cuts, lead)
    trades, last = account.ended()
    same(trades, whole.trades)
    bars = np.concatenate([*(each.bars for each in stretches[:-1]), last.bars])
    same(bars, whole.bars)
    refused = np.concatenate([*(each.refused for each in stretches[:-1]), last.refused])
    same(refused, whole.refused)
    going_on = np.concatenate([each.bars for each in stretches])
    same(going_on[:-1], whole.bars[:-1])
    opened = np.concatenate([each.opened for each in stretches])
    assert opened.tolist() == list(range(len(whole.trades)))
    is_early = whole.trades["exit_bar"] < len(clock) - 1
    now = account.trades
    same(now[is_early], whole.trades[is_early])
    assert set(np.flatnonzero(is_early)) <= set(np.concatenate([each.closed for each in stretches]).tolist())


def test_what_is_open_has_not_ended():
    """The next bar is not known: nothing leaves at the last mark, as it would in a backtest."""
    candles, clock, symbols = flat_market(6)
    candles["side"][3] = 1
    quotes = np.zeros(candles.shape, quote_dtype)
    for name in quote_dtype.names:
        quotes[name] = candles[name]
    account, _ = followed(quotes, clock, symbols, orders_in(candles), CALM, [2, 5, 6], 1)
    assert account.trades["exit_bar"].tolist() == [-1]
    assert account.account["n_open"] == 1
    trades, _ = account.ended()
    assert trades["exit_bar"].tolist() == [5]
    assert account.trades["exit_bar"].tolist() == [-1], "looking at the end changes nothing"
