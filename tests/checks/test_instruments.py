"""Lines proposed for symbols without an instrument: they can be pasted, and flatter nobody."""

import copy

import pytest
from ruamel.yaml import YAML

from tapeline.backtest.costs import CostParams, InstrumentNames, instrument_of
from tapeline.checks.instruments import LOT_VALUE, instrument_name, instrument_problems
from tapeline.closure import ROOT
from tapeline.params import Params

VALUES = YAML(typ="safe").load((ROOT / "params.yaml").read_text())
NAMES, COSTS = (
    Params(VALUES).section("instruments", InstrumentNames),
    Params(VALUES).section("costs", CostParams),
)


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("BTC-USDT-PERP", "BTCUSD"),
        ("ADA/USDT", "ADAUSD"),
        ("solusdc", "SOLUSD"),
        ("ETH-BTC", "ETHBTC"),
        ("USDT", "USDT"),  # a dollar is no base of itself
        ("USDCUSDT", "USDCUSD"),
        ("EURUSD", "EURUSD"),
        ("XYZ", "XYZ"),
    ],
)
def test_a_symbol_is_named_as_a_broker_would(symbol, name):
    """Dollars of every kind are dollars; what has no quote keeps its name."""
    assert instrument_name(symbol) == name


def test_what_is_assumed_are_all_terms_of_the_dearest_that_is_there():
    """The widest spread's, and none cheaper than another's that is shipped; the lot alone fits the price."""
    shipped = VALUES["costs"]["instruments"]
    proposal = instrument_problems(("NEW-USDT",), NAMES, COSTS, {"NEW-USDT": 5.0})[-1].proposal
    values = YAML(typ="safe").load(proposal)["costs"]["instruments"]["NEWUSD"]
    assert values == shipped["DOGEUSD"] | {"contract_size": 10_000.0}
    assert "costs of DOGEUSD" in proposal
    for key in ("spread_bps", "commission_bps"):
        assert values[key] >= max(each[key] for each in shipped.values())
    assert values["swap_long"] <= min(each["swap_long"] for each in shipped.values())


def test_without_any_instrument_no_costs_are_proposed():
    """There is nothing to take them from; the symbol's own line is proposed still."""
    none = COSTS.model_copy(update={"instruments": {}})
    proposal = instrument_problems(("NEW-USDT",), NAMES, none, {})[-1].proposal
    assert proposal == "instruments:\n  NEW-USDT: NEWUSD"


@pytest.mark.parametrize("price", [None, 0.00002, 0.37, 1.0, 99.0, 64_000.0, 3e6])
def test_proposed_lines_give_the_symbols_an_instrument(price):
    """Pasted into params.yaml they are valid, and a lot is worth at most LOT_VALUE."""
    symbols = ("BTC-USD", "NEW-USDT", "ODD")
    problems = instrument_problems(symbols, NAMES, COSTS, dict.fromkeys(symbols, price))
    assert [bool(problem.proposal) for problem in problems] == [
        False,
        True,
    ]  # all lines at once, with the last
    proposed = YAML(typ="safe").load(problems[-1].proposal)
    values = copy.deepcopy(VALUES)
    values["instruments"] |= proposed["instruments"]
    values["costs"]["instruments"] |= proposed["costs"]["instruments"]
    params = Params(values)
    names, costs = params.section("instruments", InstrumentNames), params.section("costs", CostParams)
    for symbol in symbols[1:]:
        size = instrument_of(symbol, names, costs).contract_size
        assert size == 1.0 if price is None else LOT_VALUE / 10 < size * price <= LOT_VALUE * (1 + 1e-9)
    assert not instrument_problems(symbols, names, costs, {})
