"""What a copy's accounts were given and came to is kept whole, whoever asked the engine for less."""

from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings

from tapeline.backtest.engine import TradedMarket, orders_in, run_backtest
from tapeline.backtest.records import quote_dtype
from tapeline.release.proof_runner import recorded
from tapeline.trading import accounts, figures
from tests.backtest.markets import markets


def plan_of(candles, clock, symbols, rules):
    """What the engine is asked by `trading`: a market that many plans share, and a plan's own orders."""
    quotes = np.zeros(candles.shape, dtype=quote_dtype)
    for name in quote_dtype.names:
        quotes[name] = candles[name]
    traded = TradedMarket(quotes, clock, symbols, rules.basis)
    return SimpleNamespace(priced=SimpleNamespace(traded=traded), orders=orders_in(candles), rules=rules)


@settings(max_examples=20, deadline=None)
@given(market=markets())
def test_every_account_is_kept_with_all_that_it_was_given(market):
    """Candles and sides bar by bar, every column of the bars, trades: as one run of the engine gives them."""
    kept = []
    with recorded(kept):
        asked = accounts.run(plan_of(*market), ("equity",))
    ((signals, result),) = kept
    expected = run_backtest(*market)
    wanted = market[0]["side"] != 0
    for name in market[0].dtype.names:
        is_told = name in quote_dtype.names
        mine, theirs = (each[name] if is_told else each[name][wanted] for each in (signals, market[0]))
        assert np.array_equal(mine, theirs, equal_nan=mine.dtype.kind == "f"), name
    assert not signals["side"][~wanted].any()
    assert result.bars.tobytes() == expected.bars.tobytes()
    assert result.trades.tobytes() == expected.trades.tobytes() == asked.trades.tobytes()


def test_accounts_of_random_sides_are_not_kept():
    """They are the whole's sides at other times."""
    kept = []
    with (
        patch.object(figures, "trade_random_sides", lambda *given: kept.extend([None, None])),
        recorded(kept),
    ):
        figures.trade_random_sides()
        assert kept == []
