"""Trend scores by definition."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.evaluation.trend import score_trend


@given(st.lists(st.floats(0, 1), min_size=3, max_size=30))
def test_trend_scores_by_definition(values):
    """MAE and R2 from their definitions; a constant column has no correlation."""
    actual = np.array(values)
    predicted = actual[::-1].copy()
    scores = score_trend(predicted, actual)
    assert scores["mae"] == pytest.approx(np.mean(np.abs(predicted - actual)))
    if np.ptp(actual) == 0:
        assert scores["rank_correlation"] is None
    elif actual.var() > 1e-12:
        ranks = [pd.Series(x).rank() for x in (predicted, actual)]
        assert scores["rank_correlation"] == pytest.approx(ranks[0].corr(ranks[1]), abs=1e-9)
        assert scores["r2"] == pytest.approx(1 - np.mean((predicted - actual) ** 2) / actual.var(), rel=1e-6)
