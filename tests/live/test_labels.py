"""Labels that mature candle by candle are those of the feature tables."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.features.labels import direction, trend_strength
from tapeline.live.labels import Closes
from tests.candles import random_candles, with_gaps

MAX_FILL = 5


@given(
    st.integers(0, 2**32 - 1), st.sampled_from([1, 3, 15]), st.sampled_from([0.0, 0.2, 0.6]), st.booleans()
)
@settings(max_examples=settings.default.max_examples * 3 // 5, deadline=None)
def test_labels_are_those_of_the_tables(seed, horizon, share, is_coarse):
    """Whatever is missing: equal where there is one, NaN where a gap is too long or prices stood still."""
    candles = random_candles(200, seed=seed % 10_000)
    if is_coarse:
        candles["close"] = candles["close"].round(0)  # equal closes have no direction
    table = with_gaps(candles, share, seed=seed % 997, max_fill=MAX_FILL)
    minute = (table["timestamp"].astype("int64") // 60_000_000).to_numpy()
    bar = minute - minute[0]
    expected = {}
    for _, part in table.groupby("segment"):
        close = part["close"].to_numpy()
        labels = direction(close, horizon), trend_strength(close, horizon)
        for k, at in enumerate(part.index):
            expected[bar[at]] = labels[0][k], labels[1][k]
    closes, found = Closes(horizon, MAX_FILL), {}
    for at in np.flatnonzero(~table["is_filled"].to_numpy()):
        for label in closes.add(int(bar[at]), float(table["close"][at]), is_asked=True):
            found[label.bar] = label.direction, label.trend_strength
    assert all(at + horizon <= bar[-1] for at in found)
    assert len(found) >= (~table["is_filled"]).sum() - horizon - 1
    for at, values in found.items():
        np.testing.assert_allclose(values, expected[at], atol=1e-12, err_msg=str(at))
    assert len(closes._closes) <= horizon + 2
