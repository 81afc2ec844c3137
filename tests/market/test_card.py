"""Figures of the data card."""

import numpy as np
import pytest

from tapeline.market.card import count_decimals


@pytest.mark.parametrize(
    ("prices", "decimals"),
    [
        ([60000.0, 1e9], 0),
        ([0.5, 100.0], 1),
        ([[0.285, 1.005], [8.41, 4.35]], 3),  # 0.285 * 1000 isn't 285
        ([1e-8, 0.00012345], 8),
        ([1 / 3], 12),
    ],
)
def test_decimals_are_those_a_person_would_write(prices, decimals):
    """The most that any price has, as its shortest decimal form says."""
    assert count_decimals(np.array(prices)) == decimals


def test_every_price_of_six_decimals_has_six():
    """Binary fractions hide none and add none."""
    prices = np.random.default_rng(0).integers(1, 10**9, 20_000) * 10 + 1
    assert count_decimals(prices / 1e6) == 6
    assert all(count_decimals(np.array([float(f"{price}.123456")])) == 6 for price in prices[:500])
