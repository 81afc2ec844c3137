"""Tiers of confidence by hand."""

import numpy as np
import pytest

from tapeline.evaluation.significance import COSINES, Intervals, wilson_interval
from tapeline.evaluation.tiers import are_in_order, score_tiers


def test_tiers_by_hand():
    """Precision within, recall and coverage over all rows; a tier without rows has no precision."""
    tier = np.array([0, 0, 0, 1, -1, 0])
    hit = np.array([1.0, 0.0, 1.0, 1.0, 1.0, 0.0])
    table = score_tiers(tier, hit, ("A", "B", "X"), Intervals(np.arange(6), 0.95), 2)
    assert (table["A"]["rows"], table["A"]["precision"]) == (4, 0.5)
    assert table["A"]["recall"] == pytest.approx(2 / 6)
    assert (table["B"]["rows"], table["B"]["precision"], table["B"]["coverage"]) == (
        1,
        1.0,
        pytest.approx(1 / 6),
    )
    assert table["A"]["a_day"] == 2
    assert table["B"]["precision_low"] < 0.5 < table["B"]["precision_high"] == 1.0
    assert are_in_order(table) is False
    assert (table["X"]["rows"], table["X"]["precision"], table["X"]["precision_low"]) == (0, None, None)


def test_effective_rows_are_the_rows_there_really_are():
    """Each call repeated four times is as sure as one of them, and the interval is of that many."""
    effective = []
    for seed in range(40):
        hit = np.repeat((np.random.default_rng(seed).random(500) < 0.7).astype(float), 4)
        tier = score_tiers(np.zeros(2000, np.int8), hit, ("A",), Intervals(np.arange(2000), 0.95), 1)["A"]
        ends = wilson_interval(tier["precision"], tier["effective_rows"], 0.95, COSINES)
        assert (tier["precision_low"], tier["precision_high"]) == ends
        effective.append(1 / tier["effective_rows"])
    assert 1 / np.mean(effective) == pytest.approx(500, rel=0.2)


@pytest.mark.parametrize(
    ("precisions", "told"), [([0.8, 0.7, 0.6], True), ([0.7, 0.8, 0.6], False), ([0.7, None, None], None)]
)
def test_tiers_are_in_order_if_confidence_pays(precisions, told):
    """The most confident comes first; a tier without calls says nothing."""
    table = {name: {"precision": precision} for name, precision in zip("ZAM", precisions, strict=True)}
    assert are_in_order(table) is told
