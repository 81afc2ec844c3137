"""What is best, how it is settled between equals, and that nothing is told that the engine does not say."""

from functools import cache

import numpy as np
import pytest

from tapeline.sweeping.accounts import figures_dtype, trade_all
from tapeline.sweeping.finalists import FINALISTS, Finalist, choose, look_closer, ranking, require_same
from tests.sweeping.market import Market, make_sweep, params_of

MARKET = cache(lambda: Market(days=4, seed=2))  # made when it is first asked for


def figures(*rows):
    """Low end and net PnL of each choice under each condition."""
    table = np.zeros((len(rows), len(rows[0])), figures_dtype)
    for k, row in enumerate(rows):
        for c, (low, net) in enumerate(row):
            table[k, c]["net_pnl_low"], table[k, c]["net_pnl"] = low, net
    return table


def finalist(number, breached):
    """One of which no more is asked."""
    return Finalist(number, 0, {}, breached, None, None)


def test_a_choice_is_worth_its_worst_condition():
    """Not its mean, nor what it makes where costs are low."""
    order, worst = ranking(figures([(9, 9), (1, 1)], [(2, 2), (3, 3)], [(4, 4), (-5, 0)]))
    assert order.tolist() == [1, 0, 2]
    assert worst.tolist() == [1, 0, 1]


def test_equals_are_settled_by_net_pnl_and_then_by_order():
    """The same on every machine; without a trade, or an interval, it comes last."""
    nan = np.nan
    order, _ = ranking(figures([(nan, nan)], [(1, 5)], [(1, 7)], [(1, 7)], [(nan, 3)]))
    assert order.tolist() == [2, 3, 1, 4, 0]


def test_the_best_that_breaks_no_limit_is_chosen():
    """Of those that all do, the best; an account that nobody watches breaks none."""
    assert choose([finalist(4, True), finalist(2, False), finalist(1, False)]).number == 2
    assert choose([finalist(4, True), finalist(2, True)]).number == 4
    assert choose([finalist(4, None)]).number == 4


def test_finalists_are_traded_again_and_told_of_with_intervals():
    """In the order of the ranking, no more than there may be, with a pass probability inside its ends."""
    plan = make_sweep(params_of(), {"signals": {"stop": {"low": 1.0, "high": 7.0, "step": 0.25}}})
    swept = MARKET().swept
    found = trade_all(plan, swept)
    done = []
    finalists = look_closer(plan, found, MARKET().plainly, plan.tried, done.append)
    assert [each.number for each in finalists] == ranking(found)[0][:FINALISTS].tolist()
    assert len(finalists) == sum(done) == FINALISTS
    for each in finalists:
        assert each.figures["net_pnl"] == found[each.number, 0]["net_pnl"]
        assert each.probability.low <= each.probability.passed <= each.probability.high


def test_more_trials_deflate_more():
    """The best of a thousand is less of a surprise than the best of two."""
    market = Market(days=16, seed=3)
    plan = make_sweep(params_of(), {"signals": {"stop": [2.0, 5.0]}})
    found = trade_all(plan, market.swept)
    few, many = (look_closer(plan, found, market.plainly, trials)[0].deflated_sharpe for trials in (2, 1000))
    assert 0 <= many < few <= 1


def test_a_figure_that_differs_ends_the_sweep():
    """A defect that nobody would see in a table of thousands."""
    swept = figures([(1, 2)])[0, 0]
    same = dict(zip(figures_dtype.names, (0, 2.0, 1.0, 0.0, 0.0, 0.0, 0.0), strict=True))
    require_same(swept, same)
    with pytest.raises(AssertionError, match="net_pnl of a configuration is 3.0, and 2.0"):
        require_same(swept, same | {"net_pnl": 3.0})
    with pytest.raises(AssertionError, match="sharpe_ratio"):
        require_same(swept, same | {"sharpe_ratio": None})
