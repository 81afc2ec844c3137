"""Which calls are traded, from slices of what was sorted once, against every candle looked at."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.backtest.signals import make_signals
from tests.sweeping.market import Market, make_sweep, params_of

MARKET = Market(days=2, seed=5)
SWEPT = MARKET.swept
INPUTS = MARKET.read(make_sweep(params_of(), {"signals": {"stop": [1.0, 2.0]}}).present)


@settings(max_examples=40, deadline=None)
@given(
    by=st.sampled_from(["confidence", "share"]),
    edges=st.lists(st.integers(50, 99), min_size=3, max_size=3, unique=True).map(sorted),
    top=st.sampled_from([1.0, 0.995]),
    shares=st.lists(st.integers(1, 1000), min_size=3, max_size=3, unique=True).map(sorted),
    traded=st.sets(st.sampled_from("ABC")).map(sorted),
    minimum=st.sampled_from([0.0, 0.4]),
)
def test_a_slice_is_what_looking_at_every_candle_finds(by, edges, top, shares, traded, minimum):
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
    call, tier = SWEPT.calls.traded(params.signals)
    bar, symbol = np.nonzero(expected.side)
    assert SWEPT.calls.bar[call].tolist() == bar.tolist()
    assert SWEPT.calls.symbol[call].tolist() == symbol.tolist()
    assert SWEPT.calls.side[call].tolist() == expected.side[bar, symbol].tolist()
    assert tier.tolist() == expected.tier[bar, symbol].tolist()
