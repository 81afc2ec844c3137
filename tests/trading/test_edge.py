"""The table of gross moves: how confident a call is, its own fold's validation says and never the test."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.outputs import write_json
from tapeline.reports.run_charts import edge
from tapeline.trading.edge import edge_figures, shares_within
from tests.trading.test_accounts import SHIPPED, inputs, read

SHARES = (0.01, 0.2, 1.0)


def calls(seed, n=300, folds=2):
    """Predictions of so many rows a fold."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"fold": np.repeat(np.arange(folds), n), "prediction": rng.uniform(0, 1, folds * n)})


@given(st.integers(0, 500), st.integers(0, 599))
def test_a_share_does_not_depend_on_other_test_rows(seed, row):
    """They could be anything, and so could another fold's validation."""
    validation, rows, others = calls(seed), calls(seed + 1), calls(seed + 2)
    others.loc[row, "prediction"] = rows.loc[row, "prediction"]
    elsewhere = validation["prediction"].where(validation["fold"] == rows["fold"][row], 0.5)
    one = shares_within(rows, validation, SHARES)[row]
    two = shares_within(others, validation.assign(prediction=elsewhere), SHARES)[row]
    assert one == two


def test_shares_of_validation_hold_as_many_of_its_rows():
    """Of 300 rows a fold: 3 in the first hundredth, 60 in the first fifth, every row in the whole."""
    validation = calls(3)
    found = pd.Series(shares_within(validation, validation, SHARES))
    for fold in (0, 1):
        of_fold = found[validation["fold"] == fold]
        assert [(of_fold <= share).sum() for share in SHARES] == [3, 60, 300]


def every_minute(market):
    """Predictions of every symbol and candle of a inputs, as one fold's."""
    bar, symbol = np.indices(market.probability.shape).reshape(2, -1)
    return pd.DataFrame(
        {
            "symbol": np.array(market.market.symbols)[symbol],
            "timestamp": market.market.timestamp[bar],
            "fold": 0,
            "prediction": market.probability.reshape(-1),
        }
    )


@pytest.mark.parametrize(("latency", "delay"), [(0.5, 1), (100.0, 2)])
def test_a_call_is_opened_where_its_order_is_filled_and_pays_for_both_fills(latency, delay):
    """Never at the open of the candle that decided: its close was not known there."""
    params = read(execution={"latency_s": latency})
    market = inputs(params, right=0.6)
    direction, hold = every_minute(market), 30
    table = pd.DataFrame(edge_figures(market, direction, direction, params))
    found = table[(table["symbol"] == "ETH-USD") & (table["share"] == 1.0)].set_index("hold").loc[hold]
    candles = market.plan(params).candles[:, 1]
    side = np.where(market.probability[:, 1] >= 0.5, 1, -1)
    one_way = (
        candles["half_spread"]
        + candles["slippage"]
        + SHIPPED["costs"]["instruments"]["ETHUSD"]["commission_bps"] * 1e-4
    )
    gross, cost = [], []
    for i in range(len(candles) - delay - hold):
        begun, ended = candles[i + delay], candles[i + delay + hold]
        if begun["has_price"] and ended["has_price"]:
            gross.append(side[i] * (ended["open"] / begun["open"] - 1) * 1e4)
            cost.append((one_way[i + delay] + one_way[i + delay + hold]) * 1e4)
    assert found["rows"] == len(gross)
    assert (found["gross_bps"], found["cost_bps"]) == pytest.approx((np.mean(gross), np.mean(cost)))


def test_a_call_too_dear_for_any_order_costs_what_its_least_one_would():
    """Nothing is risked, so no order has a size: the commission is in parts of the price all the same."""
    tables = []
    for risk in (1e-9, 0.0025):
        params = read(signals={"risk": risk})
        market = inputs(params, right=0.6)
        direction = every_minute(market)
        tables.append(pd.DataFrame(edge_figures(market, direction, direction, params)))
    assert (market.plan(read(signals={"risk": 1e-9})).candles["quantity"] == 0).all()
    pd.testing.assert_frame_equal(*tables)


def test_calls_that_know_the_future_stand_out_at_its_horizon(tmp_path):
    """A positive gross move at the horizon for them, none for coins; and it is drawn."""
    params = read()
    found = {}
    for right in (0.9, None):
        market = inputs(params, right=right)
        direction = every_minute(market)
        table = pd.DataFrame(edge_figures(market, direction, direction, params))
        found[right] = table[(table["symbol"] == "all") & (table["share"] == 1.0)].set_index("hold")
    assert found[0.9].loc[params.horizon, "low"] > 0
    assert found[None].loc[params.horizon, "low"] < 0 < found[None].loc[params.horizon, "high"]
    write_json(tmp_path / "edge.json", table.to_dict("records"))
    assert "facet" in edge(pd.read_json(tmp_path / "edge.json", orient="records")).to_dict()


def test_moves_that_cost_nothing_are_drawn(tmp_path):
    """No multiple of no costs, and no infinite end of the scale, which would leave the chart blank."""
    cells = [
        {"symbol": "all", "share": 1.0, "hold": hold, "gross_bps": gross, "cost_bps": cost}
        for hold, gross, cost in ((5, 2.0, 0.0), (15, -1.0, 0.0), (60, None, None))
    ]
    for table in (cells, cells[2:]):
        write_json(tmp_path / "edge.json", table)
        drawn = edge(pd.read_json(tmp_path / "edge.json", orient="records")).to_json()
        assert "Infinity" not in drawn
