"""Lines proposed for symbols without an instrument: they can be pasted, and flatter nobody."""

import copy

import pytest
from ruamel.yaml import YAML

from tapeline.backtest.costs import CostParams, InstrumentNames, instrument_of
from tapeline.checks.instruments import GENERIC, LOT_VALUE, instrument_name, instrument_problems
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


def test_what_is_assumed_is_as_dear_as_the_dearest_that_is_shipped():
    """Spread, commission and swaps; no more leverage than any."""
    shipped = VALUES["costs"]["instruments"].values()
    for key in ("spread_bps", "commission_bps"):
        assert GENERIC[key] >= max(each[key] for each in shipped)
    for key in ("swap_long", "swap_short"):
        assert GENERIC[key] <= min(each[key] for each in shipped)
    assert GENERIC["leverage"] <= min(each["leverage"] for each in shipped)


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
