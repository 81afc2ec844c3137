"""Folds to choose on: nothing of them, not even a label or a position, reaches a candle that is reported."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import SplitError
from tapeline.splits.folds import PARTS, on_calendar
from tapeline.splits.inner import inner_folds
from tapeline.splits.lengths import Span
from tapeline.splits.walk_forward import walk_forward
from tests.splits.test_walk_forward import BARS_PER_DAY, START, params

STEP = pd.Timedelta(days=1) / BARS_PER_DAY
DAYS = 60


def outer(splits, horizon, days=DAYS):
    """The folds whose tests are reported."""
    found = walk_forward(splits, Span(days * BARS_PER_DAY, 0, BARS_PER_DAY), horizon)
    return [on_calendar(fold, START, STEP) for fold in found]


@given(
    mode=st.sampled_from(["rolling", "expanding"]),
    folds=st.integers(1, 5),
    train=st.just("auto") | st.floats(20, 30),
    embargo=st.integers(0, 20),
    horizon=st.integers(1, 12),
    hold=st.integers(1, 24),
)
def test_nothing_of_them_reaches_a_test(mode, folds, train, embargo, horizon, hold):
    """Counted by candles: the last label and position end before any test begins, embargo included."""
    splits = params(mode, folds, train, "auto", "auto", embargo)
    reported = outer(splits, horizon)
    found = inner_folds(reported, splits, START, STEP, horizon, hold)
    assert len(found) == folds
    first_test = min(fold.test[0] for fold in reported)
    for fold in found:
        opens = pd.date_range(fold.test[0], fold.test[1], freq=STEP, inclusive="left")
        assert len(opens)
        for reach in (horizon, hold):
            assert ((opens + (reach + embargo) * STEP) < first_test).all()
        for earlier, later in pairwise(PARTS):
            last = getattr(fold, earlier)[1] - STEP
            assert last + (horizon + embargo) * STEP < getattr(fold, later)[0]
        assert fold.train[0] >= START
    ends = [fold.test for fold in found]
    assert all(a[1] == b[0] for a, b in pairwise(ends))  # they tile the end
    assert first_test - ends[-1][1] <= (max(horizon, hold) + embargo + 1) * STEP  # and waste nothing


def test_days_that_are_given_for_the_reported_folds_bind_them_not():
    """A training as long as most of the history leaves them as much as there is, by the shares."""
    splits = params(folds=2, train=45.0, validation=3.0, test=2.0)
    found = inner_folds(outer(splits, 3), splits, START, STEP, 3, 3)
    length = {part: np.diff(getattr(found[0], part))[0] / STEP for part in PARTS}
    assert length["train"] > 10 * length["validation"] > 0


def test_too_short_a_history_is_said():
    """With the days that are short, and of what."""
    splits = params(folds=3, train=2.0, validation=1.0, test=0.5)
    with pytest.raises(
        SplitError, match=r"^inner folds, of the candles before the first test: .* there are "
    ):
        inner_folds(outer(splits, 3, days=5), splits, START, STEP, 3, 3)
