"""Folds: no label of an earlier part meets a later one, in any mode, on any calendar."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import SplitError
from tapeline.splits.folds import PARTS, Fold, on_calendar, require_rows, scaler_rows
from tapeline.splits.lengths import Span, least_lengths
from tapeline.splits.params import SplitParams
from tapeline.splits.walk_forward import walk_forward

BARS_PER_DAY = 48
MINUTE = pd.Timedelta(minutes=1)
START = pd.Timestamp("2025-01-01", tz="UTC")


def params(mode="rolling", folds=3, train=4.0, validation=2.0, test=1.0, embargo=0):
    """Split params, lengths in days of 48 bars."""
    return SplitParams(mode=mode, folds=folds, train=train, validation=validation, test=test, embargo=embargo)


def days(low, high):
    """Of a split part: given, or left to the span."""
    return st.just("auto") | st.floats(low, high)


def span(n_bars, lost=0):
    """Of `n_bars` candles with features behind `lost` without."""
    return Span(n_bars, lost, BARS_PER_DAY)


def enough(splits, horizon):
    """Fewest bars that the folds take up."""
    return least_lengths(splits, BARS_PER_DAY, horizon).needed(splits.folds)


SPLITS = st.builds(
    params,
    mode=st.sampled_from(["rolling", "expanding"]),
    folds=st.integers(1, 6),
    train=days(1, 6),
    validation=days(1, 3),
    test=days(0.1, 3),
    embargo=st.integers(0, 30),
)


@given(splits=SPLITS, horizon=st.integers(1, 17), extra=st.integers(0, 3000), data=st.data())
def test_no_label_interval_meets_a_later_part(splits, horizon, extra, data):
    """On random calendars with gaps, a label ends, embargo included, before the next part begins."""
    n_bars = enough(splits, horizon) + extra
    seed = data.draw(st.integers(0, 2**32 - 1))
    keep = data.draw(st.sampled_from([0.3, 0.9, 1.0]))
    bars = np.flatnonzero(np.random.default_rng(seed).random(n_bars) < keep)  # the rest is missing
    for fold in walk_forward(splits, span(n_bars), horizon):
        train, validation, test = (bars[np.isin(bars, getattr(fold, part))] for part in PARTS)
        for earlier, later in ((train, validation), (train, test), (validation, test)):
            if earlier.size and later.size:
                assert earlier.max() + horizon + splits.embargo < later.min()


@given(splits=SPLITS, horizon=st.integers(1, 17), extra=st.integers(0, 3000))
def test_tests_tile_the_end_of_the_clock(splits, horizon, extra):
    """Test parts follow each other without a hole up to the last bar; training has the mode's length."""
    n_bars = enough(splits, horizon) + extra
    folds = list(walk_forward(splits, span(n_bars), horizon))
    tested = [bar for fold in folds for bar in fold.test]
    assert tested == list(range(n_bars - len(tested), n_bars))
    assert len(folds) == splits.folds
    lengths = {len(fold.train) for fold in folds}
    starts = {fold.train.start for fold in folds}
    assert len(lengths) == 1 if splits.mode == "rolling" else starts == {0}
    assert min(starts) >= 0


def test_purge_and_embargo_by_hand():
    """A worked example: 100 bars, labels of 5, embargo of 2."""
    splits = params(folds=2, train=1, validation=0.5, test=0.25, embargo=2)
    folds = list(walk_forward(splits, span(100), 5))
    assert folds == [
        Fold(train=range(4, 4 + 48 - 7), validation=range(52, 52 + 24 - 7), test=range(76, 88)),
        Fold(train=range(16, 16 + 48 - 7), validation=range(64, 64 + 24 - 7), test=range(88, 100)),
    ]


def test_parts_longer_than_purge_and_embargo_are_refused():
    """One line with both numbers, and a test that holds no candle."""
    with pytest.raises(SplitError, match=r"splits.validation is 48 candles: must exceed .* = 60"):
        list(walk_forward(params(validation=1.0, embargo=55), span(4000), 5))
    with pytest.raises(SplitError, match=r"splits.test is 0 candles: must hold a candle"):
        list(walk_forward(params(test=0.01), span(4000), 5))


def test_a_part_without_rows_is_refused():
    """A calendar with nothing in a part's span is named with it."""
    fold = next(walk_forward(params(folds=1), span(1000), 5))
    timestamp = pd.Series(START + np.arange(1000) * MINUTE)
    require_rows([on_calendar(fold, START, MINUTE)], timestamp)
    inside = on_calendar(fold, START, MINUTE).mask(timestamp, "validation")
    with pytest.raises(SplitError, match="fold 0: no row of any symbol in validation"):
        require_rows([on_calendar(fold, START, MINUTE)], timestamp[~inside])


def test_the_scaler_gets_the_training_rows():
    """Every row of the training part, whatever its label, and no other."""
    timestamp = pd.Series(START + np.arange(1000) * MINUTE)
    fold = next(walk_forward(params(folds=1), span(1000), 5))
    assert scaler_rows(on_calendar(fold, START, MINUTE), timestamp).tolist() == list(fold.train)
