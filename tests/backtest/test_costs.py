"""Costs by symbol: fractions of what is quoted in basis points."""

import pytest

from tapeline.backtest.costs import CostParams
from tapeline.errors import ParamsError
from tapeline.params import Params

SHIPPED = {
    "default": {"spread_bps": 20.0, "commission_bps": 3.25},
    "BTC-USD": {"spread_bps": 2.0, "commission_bps": 3.25},
}


def read(costs):
    """The section as a stage reads it."""
    return Params({"costs": costs}).section("costs", CostParams)


def test_a_symbol_has_its_costs_or_the_defaults():
    """Half of two basis points, and 0.0325 % a side; a symbol that is not named takes the default."""
    costs = read(SHIPPED)
    assert costs.costs_of("BTC-USD").half_spread == pytest.approx(0.0001)
    assert costs.costs_of("BTC-USD").commission == pytest.approx(0.000325)
    assert costs.costs_of("LTC-USD") == costs.costs_of("default")
    assert costs.costs_of("LTC-USD").half_spread == pytest.approx(0.001)


@pytest.mark.parametrize(
    ("costs", "parts"),
    [
        ({"BTC-USD": SHIPPED["BTC-USD"]}, ["costs", "default"]),
        ({"default": {"spread_bps": 2.0}}, ["costs.default.commission_bps", "missing"]),
        ({"default": {"spread_bps": -1.0, "commission_bps": 0.0}}, ["costs.default.spread_bps", "-1.0"]),
        (
            {"default": {"spread_bps": float("nan"), "commission_bps": 0.0}},
            ["costs.default.spread_bps", "nan"],
        ),
        ({"default": {"spread_bps": 1e4, "commission_bps": 0.0}}, ["costs.default.spread_bps", "less than"]),
        ({"default": SHIPPED["default"] | {"swap": 1.0}}, ["costs.default.swap", "no known key"]),
    ],
)
def test_costs_against_a_rule_are_one_line(costs, parts):
    """Key, value and rule."""
    with pytest.raises(ParamsError) as caught:
        read(costs)
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)
