"""Sums in passes are those of NumPy over all rows at once, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapeline.passes import column_sums


def taken_from(values):
    """Copies of rows of `values`, as a reader gives them."""
    return lambda begin, end: values[begin:end].copy()


@settings(max_examples=60, deadline=None)
@given(
    n_rows=st.integers(1, 3000),
    n_columns=st.integers(2, 9),
    at_once=st.integers(1, 3000),
    seed=st.integers(0, 99),
)
def test_several_columns_are_added_row_by_row(n_rows, n_columns, at_once, seed):
    """Whatever the blocks are, every bit is that of a sum over the rows of all columns."""
    values = np.random.default_rng(seed).normal(3, 1e3, (n_rows, n_columns))
    found = column_sums(taken_from(values), n_rows, is_last_in_pairs=False, at_once=at_once)
    assert found.tobytes() == np.add.reduce(values, axis=0).tobytes()


@settings(max_examples=60, deadline=None)
@given(
    n_rows=st.integers(1, 3000),
    n_columns=st.integers(1, 9),
    at_once=st.integers(1, 3000),
    seed=st.integers(0, 99),
)
def test_the_last_column_is_added_in_pairs_where_it_is_said_so(n_rows, n_columns, at_once, seed):
    """Its sum is that of the column alone, and the others are as they were."""
    values = np.random.default_rng(seed).normal(3, 1e3, (n_rows, n_columns))
    found = column_sums(taken_from(values), n_rows, is_last_in_pairs=True, at_once=at_once)
    assert found[-1] == np.add.reduce(values[:, -1].copy())
    several = np.column_stack([values, values])  # as several are added, also where there is one
    assert found[:-1].tobytes() == np.add.reduce(several, axis=0)[: n_columns - 1].tobytes()


@pytest.mark.parametrize("is_last_in_pairs", [False, True])
def test_the_order_of_a_sum_shows_in_its_bits(is_last_in_pairs):
    """Or else the two properties say nothing: either way of adding gives other bits than the other."""
    values = np.random.default_rng(0).normal(3, 1e3, (3000, 3))
    one = column_sums(taken_from(values), 3000, is_last_in_pairs)
    other = column_sums(taken_from(values), 3000, not is_last_in_pairs)
    assert (one != other).tolist() == [False, False, True]
