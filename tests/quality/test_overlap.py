"""Parts of a split whose label intervals meet are found, whichever way they meet."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapeline.errors import QualityError
from tapeline.quality.overlap import audit_overlap
from tapeline.quality.report import judge_leaks

MINUTE = pd.Timedelta(minutes=1)
TIMES = pd.Series(pd.Timestamp("2025-01-01", tz="UTC") + np.arange(300) * MINUTE)
HORIZON = 5


def audit(train, test, timestamp=TIMES):
    """The audit of two parts, given as ranges of minutes."""
    minute = (timestamp - TIMES[0]) // MINUTE
    parts = {"train": minute.isin(train).to_numpy(), "test": minute.isin(test).to_numpy()}
    return audit_overlap(parts, timestamp, HORIZON * MINUTE, ["direction"], "fold 0")


def test_parts_further_apart_than_a_label_pass():
    """The last label of training ends a candle before the first of the test begins."""
    found = audit(range(100), range(105 + 0, 200)[1:])
    judge_leaks([found])
    assert found.cells == 100


@given(gap=st.integers(-20, HORIZON), before=st.booleans())
def test_any_overlap_is_found_with_its_bar(gap, before):
    """Short by any number of candles, whichever part comes first; the row named is the first that meets."""
    later = range(100 + gap, 200)
    (leak,) = audit(range(101), later).leaks if before else audit(later, range(101)).leaks
    assert leak.column == "direction (train and test)"
    first = min(100 + gap, 100 - HORIZON + gap) if before else later[0]
    assert leak.timestamp == TIMES[first].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert leak.observed <= leak.expected == HORIZON


def test_a_shared_row_of_another_symbol_is_found():
    """Symbols share the clock: the same minute of another symbol is no other minute."""
    both = pd.concat([TIMES, TIMES], ignore_index=True)
    row = np.arange(600)
    parts = {"train": row < 100, "test": (row >= 390) & (row < 450)}
    with pytest.raises(
        QualityError, match=r"fold 0: direction \(train and test\) at .* shares candles: more"
    ):
        judge_leaks([audit_overlap(parts, both, HORIZON * MINUTE, ["direction"], "fold 0")])


def test_one_part_alone_proves_nothing():
    """With nothing to compare, nothing is known."""
    with pytest.raises(QualityError, match="overlap audit found no row to compare"):
        audit(range(100), range(0))
