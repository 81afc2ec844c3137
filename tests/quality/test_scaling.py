"""A scaler that has seen rows outside training is found, with the column and the row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.errors import QualityError
from tapeline.passes import ROWS_AT_ONCE
from tapeline.quality.report import judge_leaks
from tapeline.quality.scaling import scaler_audit, scaler_moves

N = 200
FEATURES = np.random.default_rng(0).normal(size=(N, 3))
TIMES = pd.date_range("2024-01-01", periods=N, freq="min", tz="UTC").to_numpy("datetime64[us]").view(np.int64)
IS_TRAIN = np.arange(N) < 120
COLUMNS = ["a", "b", "c"]


def statistics(features):
    """Mean and standard deviation of each column."""
    return np.stack([features.mean(axis=0), features.std(axis=0)])


def audit(fit, is_train=IS_TRAIN):
    """The audit of `fit`."""

    def read(columns):
        return FEATURES[:, [COLUMNS.index(column) for column in columns]]

    return scaler_audit("fold 0", COLUMNS, TIMES, [scaler_moves(fit, read, is_train, COLUMNS, [1])])


def test_statistics_of_training_rows_pass():
    """A fit on the training rows alone is equal to the last bit."""
    found = audit(lambda features: statistics(features[IS_TRAIN]))
    judge_leaks([found])
    assert found.cells == 6


@settings(max_examples=30, deadline=None)
@given(row=st.integers(120, N - 1), column=st.integers(0, 2))
def test_one_row_outside_is_found(row, column):
    """The one value outside training that a fit looks at is named: its column and its time."""

    def fit(features):
        seen = features[IS_TRAIN]
        return statistics(seen) + (np.arange(3) == column) * features[row]

    (leak,) = audit(fit).leaks
    assert leak.column == COLUMNS[column]
    assert leak.timestamp == pd.Timestamp(TIMES[row], unit="us").strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_fit_on_all_rows_is_found():
    """The usual mistake: every column is named at the first row outside."""
    found = audit(statistics)
    assert [leak.column for leak in found.leaks] == COLUMNS
    with pytest.raises(QualityError, match="fold 0: a at 2024-01-01T02:00:00Z is scaled by rows outside"):
        judge_leaks([found])


@pytest.mark.parametrize("row", [5, ROWS_AT_ONCE, 2 * ROWS_AT_ONCE + 8])
def test_a_row_of_millions_is_found_wherever_it_lies(row):
    """Rows are spoilt some thousands at once, to the very last of them."""
    values = np.zeros((2 * ROWS_AT_ONCE + 9, 1))
    is_train = np.arange(len(values)) < 5
    found = scaler_moves(lambda features: features[[row]], lambda _: values.copy(), is_train, ["a"], [1])
    assert [(move.row, move.clean) for move in found.moves] == [(row, 0.0)]


def test_nothing_outside_proves_nothing():
    """Without a row outside training there is nothing to compare."""
    with pytest.raises(QualityError, match="scaler audit found no row to compare"):
        audit(statistics, np.ones(N, dtype=bool))
