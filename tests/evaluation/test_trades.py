"""Trades: counts and sums by hand, cells of a table, nothing at all."""

import numpy as np
import pytest

from tapeline.backtest.kernel import REASONS
from tapeline.backtest.records import trade_dtype
from tapeline.evaluation.significance import Mean
from tapeline.evaluation.trades import PARTS, describe_trades, score_cells, score_trades


def trades(*nets, reason=0, minutes=15):
    """Trades of one length with the given net PnL and a commission of 1."""
    found = np.zeros(len(nets), trade_dtype)
    found["net_pnl"], found["commission_cost"], found["reason"] = nets, 1.0, reason
    found["gross_pnl"] = np.array(nets) + 1
    found["exit_bar"], found["mae"], found["mfe"] = minutes, 2.0, np.abs(nets)
    return found


def test_trades_by_hand():
    """Win rate, profit factor and parts; None where nothing was lost or traded."""
    scores = score_trades(trades(8.0, -4.0, 4.0))
    assert (scores["trades"], scores["commission_cost"], scores["net_pnl"]) == (3, 3, 8)
    assert scores["win_rate"] == pytest.approx(2 / 3)
    assert scores["profit_factor"] == pytest.approx(3.0)
    assert score_trades(trades(8.0))["profit_factor"] is None


def test_no_trades_are_no_figures():
    """None, and neither zero nor NaN; only the count is known."""
    scores = score_trades(trades())
    assert scores.pop("trades") == 0
    assert set(PARTS) <= set(scores)
    assert set(scores.values()) == {None}
    assert describe_trades(trades(), REASONS, 1)["minutes"] is None


def test_what_trades_went_through():
    """Quartiles of duration and excursions, mean win and loss, ends by reason."""
    found = describe_trades(np.concatenate([trades(8.0, -4.0, 4.0), trades(-2.0, reason=1)]), REASONS, 5)
    assert found["minutes"] == [75, 75, 75]
    assert (found["average_win"], found["average_loss"], found["largest_loss"]) == (6, -3, -4)
    assert found["mfe"] == [3.5, 4, 5]
    assert (found["ended_by"]["time"], found["ended_by"]["stop"], found["ended_by"]["end"]) == (3, 1, 0)


def test_a_trade_that_ends_even_is_neither_won_nor_lost():
    """Nothing won, nothing lost, however little: half a dollar is a win, and minus half a loss."""
    even = describe_trades(trades(0.0), REASONS, 1)
    assert (even["average_win"], even["average_loss"], even["largest_loss"]) == (None, None, 0.0)
    assert score_trades(trades(0.0))["win_rate"] == 0.0
    small = describe_trades(trades(0.5, 0.0, -0.5), REASONS, 1)
    assert (small["average_win"], small["average_loss"]) == (0.5, -0.5)
    assert describe_trades(trades(0.5), REASONS, 1)["average_win"] == 0.5
    assert describe_trades(trades(-0.5), REASONS, 1)["average_loss"] == -0.5


def test_cells_say_how_sure_they_are():
    """A cell of sure winners, one of noise, an empty one; both p-values raised for having looked at two."""
    rng = np.random.default_rng(0)
    net = np.concatenate([rng.normal(5, 1, 100), rng.normal(0, 1, 100)])
    is_sure = np.arange(200) < 100
    day = rng.integers(0, 30, 200)
    cells = {"sure": is_sure, "noise": ~is_sure, "empty": np.zeros(200, bool)}
    table = score_cells(net, day, cells, 30, 0.95)
    assert table["empty"] == {"trades": 0} | dict.fromkeys(
        ("net_pnl", "mean", "low", "high", "p_value", "p_adjusted")
    )
    assert table["sure"]["low"] < table["sure"]["mean"] < table["sure"]["high"]
    assert table["sure"]["net_pnl"] == pytest.approx(net[is_sure].sum())
    assert table["sure"]["p_adjusted"] < 0.01 < table["noise"]["p_adjusted"]
    assert table["sure"]["p_adjusted"] > table["sure"]["p_value"]
    of_days = [net[~is_sure & (day == k)].sum() for k in range(30)]
    assert table["noise"]["p_value"] == pytest.approx(Mean(np.array(of_days), np.arange(30)).p_value(0.0))
