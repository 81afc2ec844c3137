"""Labels: from the next `horizon` candles, all of them and no others."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.features.labels import direction, trend_strength

CLOSES = st.lists(st.sampled_from([99.0, 100.0, 101.0, 102.5]), min_size=2, max_size=60)


@given(closes=CLOSES, horizon=st.integers(min_value=1, max_value=20))
def test_labels_equal_their_definition(closes, horizon):
    """Direction and strength equal a plain loop over the definition, NaN where it has no answer."""
    close = np.array(closes)
    up, strength = direction(close, horizon), trend_strength(close, horizon)
    for t in range(close.size):
        future = close[t : t + horizon + 1]
        if future.size <= horizon:
            assert np.isnan(up[t])
            assert np.isnan(strength[t])
            continue
        net, path = future[-1] - future[0], sum(abs(b - a) for a, b in pairwise(future))
        assert np.isnan(up[t]) if net == 0 else up[t] == (net > 0)
        assert np.isnan(strength[t]) if path == 0 else strength[t] == pytest.approx(abs(net) / path)


@given(at=st.integers(min_value=0, max_value=99), horizon=st.integers(min_value=1, max_value=20))
def test_a_label_reaches_exactly_its_horizon(at, horizon):
    """Changing one close moves only labels whose interval (t, t + horizon] or own close it is."""
    zigzag = (-1.0) ** np.arange(100)  # never straight, so that no strength is 1
    close = 100 + zigzag * (1 + np.random.default_rng(3).random(100))
    poisoned = close.copy()
    poisoned[at] *= 1e6
    for label in (direction, trend_strength):
        before, after = label(close, horizon), label(poisoned, horizon)
        moved = np.flatnonzero(~np.isclose(before, after, rtol=1e-12, equal_nan=True))
        assert set(moved) <= set(range(at - horizon, at + 1))
    if at >= horizon > 1:  # over one candle the strength is always 1
        assert trend_strength(poisoned, horizon)[at - horizon] != trend_strength(close, horizon)[at - horizon]
