"""Tiers of confidence: whole, without overlap, ties together, and the same wherever they are asked for."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tapeline.tiers import NO_TIER, confidence, is_constant, ranges_by_share, tier_numbers

SHARES = {"A": 0.01, "B": 0.05, "C": 0.2}
# Few values, so that many rows are equal.
PROBABILITIES = st.lists(st.integers(0, 20).map(lambda n: n / 20) | st.floats(0, 1), min_size=1, max_size=80)


def test_ranges_by_hand():
    """Half-open, the one that ends at 1 closed, both sides of one half alike, NaN in none."""
    p = np.array([1.0, 0.7, 0.3, 0.65, 0.52, 0.0, np.nan, 0.6999])
    found = tier_numbers(p, {"A": (0.7, 1.0), "B": (0.6, 0.7)})
    assert found.tolist() == [0, 0, 0, 1, NO_TIER, 0, NO_TIER, 1]


def test_shares_by_hand():
    """Of a hundred different confidences the first, the next four and the next fifteen."""
    p = np.random.default_rng(0).permutation(np.linspace(0.5, 0.99, 100))
    ranges = ranges_by_share(p, {"C": 0.2, "A": 0.01, "B": 0.05})
    assert list(ranges) == ["A", "B", "C"]
    assert np.bincount(tier_numbers(p, ranges) + 1).tolist() == [80, 1, 4, 15]
    assert ranges["A"] == (0.99, 1.0)


@given(PROBABILITIES)
def test_a_threshold_is_the_highest_that_reaches_its_share(values):
    """Against a count of every candidate: enough rows reach it, and fewer would reach any higher one."""
    p = np.array(values)
    assume(np.ptp(p) > 1e-3)
    of = np.maximum(p, 1 - p)
    ranges = ranges_by_share(p, SHARES)
    tier = tier_numbers(p, ranges)
    for position, (name, share) in enumerate(SHARES.items()):
        inside = (tier >= 0) & (tier <= position)
        low = ranges[name][0]
        assert inside.tolist() == (of >= low).tolist()
        assert inside.sum() >= share * len(p) - 1e-9
        higher = of[of > low]
        assert not higher.size or (of >= higher.min()).sum() < share * len(p) - 1e-9 or len(p) * share < 1


@given(PROBABILITIES)
def test_equal_confidences_fall_into_one_tier(values):
    """Also up and down, and at 1, where ranges touch."""
    p = np.array(values)
    tier = tier_numbers(p, ranges_by_share(p, SHARES))
    for one in np.unique(confidence(p)):
        assert np.unique(tier[confidence(p) == one]).size == 1


def test_saturated_predictions_are_all_of_the_first_tier():
    """More than a fifth at exactly 1: nothing is left for the others, which is no error."""
    p = np.array([1.0, 0.0, 1.0, 0.6])
    assert tier_numbers(p, ranges_by_share(p, SHARES)).tolist() == [0, 0, 0, NO_TIER]


@given(st.floats(1e-5, 1 - 1e-5), st.integers(1, 50))
def test_a_network_that_says_one_number_is_of_no_tier(value, n):
    """None of its calls is surer than another: to trade its tier A would be to trade every candle."""
    ranges = ranges_by_share(np.full(n, value), SHARES)
    assert list(ranges) == list(SHARES)
    rounding = value + np.array([-1e-7, 0.0, 1e-7])
    assert tier_numbers(rounding, ranges).tolist() == [NO_TIER] * 3


def test_a_network_that_hardly_moves_is_no_constant():
    """A ten-thousandth is more than rounding."""
    assert not is_constant(np.array([0.5, 0.5001]))
    assert is_constant(np.empty(0))


def test_shares_of_nothing_are_refused():
    """A fold without validation has no threshold."""
    with pytest.raises(ValueError, match="no predictions"):
        ranges_by_share(np.empty(0), SHARES)


@pytest.mark.parametrize(
    ("share", "n", "rows"), [(0.07, 100, 7), (0.29, 100, 29), (0.011, 100, 2), (0.001, 100, 1)]
)
def test_a_share_that_is_a_whole_number_of_rows_holds_just_these(share, n, rows):
    """0.07 of 100 are 7, though 0.07 * 100 is a little more in a computer; a part of a row is one."""
    confidences = 0.5 + np.arange(n) / (2 * n)
    ranges = ranges_by_share(confidences, {"A": share})
    assert (tier_numbers(confidences, ranges) == 0).sum() == rows
