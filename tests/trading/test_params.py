"""Params of trading: what is read, and what follows from two of them together."""

import math

import pytest

from tapeline.errors import ParamsError
from tapeline.params import Params
from tapeline.trading.params import TradingParams
from tests.trading.shipped import SECTIONS, SHIPPED, read


def test_minutes_are_those_of_the_interval():
    """Of one candle."""
    assert read(data={"interval": "1m"}).minutes == 1
    assert read(data={"interval": "1h"}).minutes == 60


def test_tiers_are_those_of_the_source():
    """`auto` is by share for files."""
    signals = {"tier_by": "auto", "tiers": {"A": [0.7, 1.0]}, "tier_shares": {"A": 0.01, "B": 0.05}}
    assert list(read(signals=signals).signals.tier_names) == ["A"]
    assert list(read(data={"source": "files"}, signals=signals).signals.tier_names) == ["A", "B"]


@pytest.mark.parametrize(("hold", "candles"), [(None, 20), (7, 7), (90, 90)])
def test_a_position_is_held_for_the_labels_horizon_or_as_long_as_is_asked_for(hold, candles):
    """Shorter or longer."""
    assert read(signals={"hold": hold}, labels={"horizon": 20}).hold == candles


@pytest.mark.parametrize(
    ("changes", "loss"),
    [
        ({"guard": 0.5, "program": "2-step"}, 1_000.0),  # half of 5 % of 40,000
        ({"guard": 0.5, "program": "1-step"}, 600.0),  # half of 3 %
        ({"guard": 0.0, "program": "2-step"}, math.inf),
        ({"guard": 0.5, "program": "none"}, math.inf),
    ],
)
def test_the_guard_ends_a_day_at_a_share_of_the_programs_loss(changes, loss):
    """Without a guard, or a program, no loss does."""
    params = read(ftmo=changes, signals={"initial_balance": 40_000.0})
    assert params.guard_loss == pytest.approx(loss)


def test_changed_params_leave_the_others_as_they_were():
    """The ones that are changed, too."""
    params = read(ftmo={"guard": 0.6})
    changed = params.changed("ftmo", guard=0.0)
    assert (changed.ftmo.guard, params.ftmo.guard) == (0.0, 0.6)
    assert changed.signals is params.signals
    assert changed.ftmo.programs == params.ftmo.programs


def test_a_missing_section_is_named():
    """As everywhere."""
    with pytest.raises(ParamsError, match="ftmo must be a section with keys"):
        TradingParams.read(Params({name: SHIPPED[name] for name in SECTIONS if name != "ftmo"}))
