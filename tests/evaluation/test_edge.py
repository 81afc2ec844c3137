"""Gross moves by confidence and holding time: the right candles, the right direction, their costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.evaluation.edge import Calls, edge_table, round_trips


def market(seed=0, n=600):
    """Opens of two symbols, one of them with holes, and what a fill costs."""
    rng = np.random.default_rng(seed)
    opens = 100 * np.exp(np.cumsum(rng.normal(0, 1e-3, (n, 2)), axis=0))
    opens[rng.random(n) < 0.1, 1] = np.nan
    return opens, rng.uniform(1e-4, 1e-3, (n, 2))


def every_call(n, seed=1):
    """Calls at every bar of both symbols, some of them confident."""
    rng = np.random.default_rng(seed)
    bar, symbol = np.arange(2 * n) % n, np.arange(2 * n) // n
    share = rng.choice([0.01, 0.2, 1.0], 2 * n)
    return Calls(bar, symbol, rng.choice([-1, 1], 2 * n), share, bar // 100)


@given(hold=st.integers(1, 700), seed=st.integers(0, 5))
def test_a_round_trip_is_that_of_a_plain_loop(hold, seed):
    """Open to open in the call's direction, both fills paid; nothing where an end has no candle."""
    opens, one_way = market(seed)
    calls = every_call(len(opens), seed)
    gross, cost = round_trips(opens, one_way, calls, hold)
    for k in range(0, len(calls.bar), 37):
        i, s = calls.bar[k], calls.symbol[k]
        if i + hold >= len(opens) or np.isnan(opens[i, s]) or np.isnan(opens[i + hold, s]):
            assert np.isnan(gross[k])
            assert np.isnan(cost[k])
            continue
        move = calls.side[k] * (opens[i + hold, s] - opens[i, s]) / opens[i, s]
        assert gross[k] == pytest.approx(move * 1e4, abs=1e-9)
        assert cost[k] == pytest.approx((one_way[i, s] + one_way[i + hold, s]) * 1e4)


def test_cells_are_nested_and_break_even_where_gross_is_cost():
    """A larger share holds the smaller one's calls; the multiple times the cost is the gross move."""
    opens, one_way = market()
    calls = every_call(len(opens))
    table = edge_table(opens, one_way, calls, ("A", "B"), (0.01, 0.2, 1.0), (5, 60), 0.95)
    assert len(table) == 3 * 3 * 2
    for _, cells in table.groupby(["symbol", "hold"]):
        assert cells.sort_values("share")["rows"].is_monotonic_increasing
    one = table[(table["share"] == 1.0) & (table["hold"] == 5)].set_index("symbol")["rows"]
    assert one["all"] == one["A"] + one["B"]
    known = table.dropna(subset=["cost_multiple"])
    assert (known["cost_multiple"] * known["cost_bps"]).to_numpy() == pytest.approx(known["gross_bps"])
    assert (table.loc[table["cost_multiple"].isna(), "gross_bps"] < 0).all()


def test_calls_that_know_the_move_show_it_at_its_holding_time():
    """Sides taken from the move of 30 bars earn its mean absolute value there and less elsewhere."""
    opens, one_way = market()
    n = len(opens) - 60
    side = np.sign(opens[30 : n + 30, 0] - opens[:n, 0]).astype(int)
    calls = Calls(np.arange(n), np.zeros(n, int), side, np.ones(n), np.arange(n) // 50)
    table = edge_table(opens, one_way, calls, ("A",), (1.0,), (5, 30, 60), 0.95).set_index(["symbol", "hold"])
    earned = table.loc["all", "gross_bps"]
    assert earned[30] == pytest.approx(np.abs(opens[30 : n + 30, 0] / opens[:n, 0] - 1).mean() * 1e4)
    assert earned[30] > max(earned[5], earned[60])
    assert table.loc[("all", 30), "low"] > 0


def test_round_trips_of_unknown_cost_are_left_out_of_both_figures():
    """Gross and cost of a cell are of the same calls: one fill without a cost leaves all others' a number."""
    opens, one_way = market()
    calls = every_call(len(opens))
    before = edge_table(opens, one_way, calls, ("A",), (1.0,), (5,), 0.95).set_index("symbol")
    unknown = one_way.copy()
    unknown[:60, 0] = np.nan  # as of a symbol that was listed there
    after = edge_table(opens, unknown, calls, ("A",), (1.0,), (5,), 0.95).set_index("symbol")
    assert (before["rows"] - after["rows"]).tolist() == [60, 60]
    kept = (calls.symbol == 0) & (calls.bar >= 60)
    gross, cost = round_trips(opens, one_way, calls, 5)
    assert after.loc["A", "gross_bps"] == pytest.approx(np.nanmean(gross[kept]))
    assert after.loc["A", "cost_bps"] == pytest.approx(np.nanmean(cost[kept]))


def test_an_empty_cell_has_no_figures():
    """Nothing chosen: a row of zero calls, no number."""
    opens, one_way = market()
    calls = Calls(*(np.zeros(0, int) for _ in range(3)), np.zeros(0), np.zeros(0, int))
    table = edge_table(opens, one_way, calls, ("A",), (1.0,), (5,), 0.95)
    assert table["rows"].tolist() == [0, 0]
    assert table["gross_bps"].isna().all()
