"""Label weights against their definitions, written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from tapeline.nets.label_weights import class_factors, uniqueness


@given(
    rows=st.sets(st.integers(0, 40), min_size=1, max_size=30),
    horizon=st.integers(1, 6),
)
def test_uniqueness_is_one_over_the_labels_on_a_candle_averaged(rows, horizon):
    """By counting, candle by candle."""
    rows = np.array(sorted(rows))
    on = {row: set(range(row + 1, row + horizon + 1)) for row in rows}
    expected = [
        np.mean([1 / sum(candle in candles for candles in on.values()) for candle in sorted(on[row])])
        for row in rows
    ]
    np.testing.assert_allclose(uniqueness(rows, 41, horizon), expected)


def test_overlapping_labels_amount_to_one_a_horizon():
    """A thousand labels in a row, fifteen candles each, are worth about 1014 / 15; far apart, all of them."""
    assert uniqueness(np.arange(1000), 1000, 15).sum() == pytest.approx(1014 / 15)
    assert uniqueness(np.arange(0, 1000, 15), 1000, 15).sum() == 67


def test_classes_count_the_same_within_a_symbol():
    """Scikit-learn's balanced weights, symbol by symbol; strengths and lone classes are left alone."""
    rng = np.random.default_rng(0)
    labels, group = (rng.random(500) < 0.3).astype(float), rng.integers(0, 2, 500)
    labels[group == 1] = rng.random((group == 1).sum()) < 0.8
    found = class_factors(labels, group, np.ones(500))
    for symbol in (0, 1):
        mask = group == symbol
        np.testing.assert_allclose(found[mask], compute_sample_weight("balanced", labels[mask]))
    assert (class_factors(rng.random(10), np.zeros(10), np.ones(10)) == 1).all()
    assert (class_factors(np.ones(10), np.zeros(10), np.ones(10)) == 1).all()


def test_classes_count_the_same_after_other_weights():
    """Weighted labels too: the sums of both classes are equal."""
    rng = np.random.default_rng(1)
    labels, weights = (rng.random(300) < 0.3).astype(float), rng.random(300)
    found = weights * class_factors(labels, np.zeros(300, dtype=int), weights)
    assert found[labels == 1].sum() == pytest.approx(found[labels == 0].sum())
