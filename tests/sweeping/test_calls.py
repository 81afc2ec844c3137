"""Which calls are traded, from slices of what was sorted once, against every candle looked at."""

from operator import attrgetter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest.portfolio import Closes, Decisions, closes_at
from tapeline.backtest.signals import make_signals
from tapeline.sweeping import calls
from tests.sweeping.market import Market, make_sweep, params_of

MARKET = Market(days=2, seed=5)
SWEPT = MARKET.swept
INPUTS = MARKET.read(make_sweep(params_of(), {"signals": {"stop": [1.0, 2.0]}}).present)


def joined(blocks, field):
    """Values of a field in all blocks, one after the other."""
    return [value for each in blocks for value in field(each).tolist()]


@settings(max_examples=40, deadline=None)
@given(
    by=st.sampled_from(["confidence", "share"]),
    edges=st.lists(st.integers(50, 99), min_size=3, max_size=3, unique=True).map(sorted),
    top=st.sampled_from([1.0, 0.995]),
    shares=st.lists(st.integers(1, 1000), min_size=3, max_size=3, unique=True).map(sorted),
    traded=st.sets(st.sampled_from("ABC")).map(sorted),
    minimum=st.sampled_from([0.0, 0.4]),
    block=st.sampled_from([50, 700, 8192]),
)
def test_a_slice_is_what_looking_at_every_candle_finds(by, edges, top, shares, traded, minimum, block):
    """Side, tier and order, tiers that touch or leave a gap, equal confidences, nothing traded at all."""
    c, b, a = (edge / 100 for edge in edges)
    signals = {
        "tier_by": by, "tiers": {"A": [a, top], "B": [b, a], "C": [c, b]}, "trade_tiers": traded,
        "tier_shares": {name: share / 1000 for name, share in zip("ABC", shares, strict=True)},
        "minimum_trend": minimum,
    }  # fmt: skip
    params = make_sweep(params_of(signals=signals), {"signals": {"stop": [1.0, 2.0]}}).present
    plain = MARKET.plainly(params)
    expected = make_signals(plain.probability, plain.trend_strength, params.signals, plain.tier)
    priced = INPUTS.priced(params)
    bar, symbol = np.nonzero(np.where(priced.can_size, expected.side, 0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "BLOCK", block)
        blocks = list(SWEPT.calls.priced(priced).in_tiers(params.signals).blocks(minimum))
    assert all(len(each.bar) <= block for each in blocks)
    wanted = Decisions(
        bar, symbol, expected.side[bar, symbol], expected.tier[bar, symbol], closes_at(priced, bar, symbol)
    )
    for name in ("bar", "symbol", "side", "tier"):
        assert joined(blocks, attrgetter(name)) == getattr(wanted, name).tolist()
    for name in Closes._fields:
        assert joined(blocks, attrgetter(f"closes.{name}")) == getattr(wanted.closes, name).tolist()
