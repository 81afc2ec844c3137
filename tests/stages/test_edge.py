"""The table of gross moves: how confident a call is, its own fold's validation says and never the test."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from commands.run_charts import edge
from stages.edge import edge_figures, shares_within
from tapeline.outputs import write_json
from tests.stages.test_trading import desk, read

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


def test_calls_that_know_the_future_stand_out_at_its_horizon(tmp_path):
    """A positive gross move at the horizon for them, none for coins; and it is drawn."""
    params = read()
    found = {}
    for right in (0.9, None):
        market = desk(params, right=right)
        bar, symbol = np.indices(market.probability.shape).reshape(2, -1)
        direction = pd.DataFrame(
            {
                "symbol": np.array(market.market.symbols)[symbol],
                "timestamp": market.market.timestamp[bar],
                "fold": 0,
                "prediction": market.probability.reshape(-1),
            }
        )
        table = pd.DataFrame(edge_figures(market, direction, direction, params))
        found[right] = table[(table["symbol"] == "all") & (table["share"] == 1.0)].set_index("hold")
    assert found[0.9].loc[params.horizon, "low"] > 0
    assert found[None].loc[params.horizon, "low"] < 0 < found[None].loc[params.horizon, "high"]
    write_json(tmp_path / "edge.json", table.to_dict("records"))
    assert "facet" in edge(pd.read_json(tmp_path / "edge.json", orient="records")).to_dict()
