"""What fills cost: by instrument and time, refused where a symbol has no figures."""

import pandas as pd
import pytest
from ruamel.yaml import YAML

from tapeline.backtest.clocks import minute_of_week
from tapeline.backtest.costs import (
    CostParams,
    InstrumentNames,
    half_spread,
    instrument_of,
    market_hours,
    widenings,
)
from tapeline.closure import ROOT
from tapeline.errors import ParamsError
from tapeline.params import Params

SHIPPED = YAML(typ="safe").load((ROOT / "params.yaml").read_text())


def costs(**changes):
    """The shipped section with changes."""
    return Params({"costs": SHIPPED["costs"] | changes}).section("costs", CostParams)


def names(**symbols):
    """Section `instruments`."""
    return InstrumentNames.model_validate(symbols)


def test_an_order_of_bitcoin_costs_what_the_broker_says():
    """Facts of 2026-09-25: 0.0325 % a side, a lot is one coin, five lots at most."""
    found = instrument_of("X", names(X="BTCUSD"), costs())
    assert (found.commission_bps, found.contract_size, found.maximum_lots) == (3.25, 1.0, 5.0)
    assert 100_000 * found.commission_bps * 1e-4 == pytest.approx(32.5)
    assert instrument_of("X", names(X="ETHUSD"), costs()).contract_size == 10.0


def test_a_symbol_needs_an_instrument_and_that_needs_costs():
    """Both are named in one line; unused ones are fine."""
    with pytest.raises(ParamsError, match="must name an instrument for the symbol Y"):
        instrument_of("Y", names(X="BTCUSD"), costs())
    with pytest.raises(
        ParamsError, match=r"instruments.X is 'NONE': must be one of costs.instruments: BTCUSD"
    ):
        instrument_of("X", names(X="NONE"), costs())


def test_a_pattern_names_the_instrument_of_every_symbol_that_fits():
    """A symbol's own line comes before it; small and large letters differ, as they do in symbols."""
    given = InstrumentNames({"*-USD": "BTCUSD", "S??-EUR": "ETHUSD", "S01-USD": "SOLUSD"})
    found = {s: given.of(s) for s in ("S01-USD", "S02-USD", "S02-EUR", "S2-EUR", "s02-EUR", "USD")}
    assert found == {
        "S01-USD": "SOLUSD", "S02-USD": "BTCUSD", "S02-EUR": "ETHUSD", "S2-EUR": None, "s02-EUR": None,
        "USD": None,
    }  # fmt: skip
    assert instrument_of("S02-EUR", given, costs()).contract_size == 10.0


def test_patterns_that_say_different_things_of_a_symbol_are_not_chosen_among():
    """Unless they name the same instrument, or the symbol has a line of its own."""
    both = {"*-USD": "BTCUSD", "S*": "ETHUSD"}
    with pytest.raises(
        ParamsError, match=r"instruments is .*\*-USD, S\*.*: all fit S1-USD and name different"
    ):
        InstrumentNames(both).of("S1-USD")
    assert InstrumentNames(both | {"S1-USD": "ETHUSD"}).of("S1-USD") == "ETHUSD"
    assert InstrumentNames(both | {"S*": "BTCUSD"}).of("S1-USD") == "BTCUSD"


def test_spreads_widen_at_rollover_and_on_weekends():
    """Two basis points are one a side, three at 23:55 and on a Saturday; all doubled on request."""
    at = pd.DatetimeIndex(["2026-01-14 12:00", "2026-01-14 21:55", "2026-01-17 12:00"], tz="UTC")
    btc = instrument_of("X", names(X="BTCUSD"), costs())
    wide = widenings(minute_of_week(at), costs())
    for multiple, expected in ((1.0, [1e-4, 3e-4, 3e-4]), (2.0, [2e-4, 6e-4, 6e-4]), (0.0, [0, 0, 0])):
        assert half_spread(wide, btc, costs(multiple=multiple)) == pytest.approx(expected)


def test_a_spread_wider_than_the_price_is_refused():
    """Widened to more than the whole price."""
    at = pd.DatetimeIndex(["2026-01-17 12:00"], tz="UTC")
    wide = instrument_of("X", names(X="BTCUSD"), costs()).model_copy(update={"spread_bps": 4000.0})
    with pytest.raises(ParamsError, match=r"spread_bps is 4000.0: times 3 is a spread wider than the price"):
        half_spread(widenings(minute_of_week(at), costs()), wide, costs())


def test_market_hours():
    """No fills in maintenance, no entries in the two hours before a long one."""
    at = pd.DatetimeIndex(["2026-01-17 03:00", "2026-01-17 05:00", "2026-01-17 07:00"], tz="UTC")
    can_fill, may_open = market_hours(minute_of_week(at), costs(maintenance=[["Sat", "08:00", "18:00"]]))
    assert (can_fill.tolist(), may_open.tolist()) == ([True, True, False], [True, False, False])


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"as_of": "yesterday"}, ["costs.as_of", "yesterday"]),
        ({"widening": 0.5}, ["costs.widening", "0.5", "greater than or equal to 1"]),
        ({"rollover": ["23:55", "24:10"]}, ["costs.rollover.1", "24:10"]),
        ({"swap_nights": [1, 1]}, ["costs.swap_nights", "at least 7"]),
        ({"maintenance": [["Saturday", "08:00", "18:00"]]}, ["costs.maintenance.0.0", "Saturday", "'Sat'"]),
        ({"multiple": -1.0}, ["costs.multiple", "-1.0", "greater than or equal to 0"]),
    ],
)
def test_a_mistake_in_the_section_is_one_line(changes, parts):
    """Key, value and rule."""
    with pytest.raises(ParamsError) as caught:
        costs(**changes)
    for part in parts:
        assert part in str(caught.value)


def test_what_is_bought_in_cash_has_no_leverage():
    """Kind spot with leverage 2 contradicts itself; a kind that does not exist is named."""
    shipped = SHIPPED["costs"]["instruments"]["BTCUSD"]
    for changes, rule in (
        ({"kind": "spot", "leverage": 2.0}, "must have leverage 1, not 2"),
        ({"kind": "margin"}, "'cfd' or 'spot'"),
    ):
        instruments = {"instruments": {"BTCUSD": shipped | changes}}
        with pytest.raises(ParamsError, match=rule) as caught:
            costs(**instruments)
        assert "costs.instruments.BTCUSD" in str(caught.value)
