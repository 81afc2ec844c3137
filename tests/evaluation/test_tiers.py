"""Tiers of confidence by hand."""

import numpy as np
import pytest

from tapeline.evaluation.significance import BlockBootstrap
from tapeline.evaluation.tiers import are_in_order, score_tiers

DRAWS = {"block": 10, "resamples": 500, "level": 0.95, "seed": 3}


def test_tiers_by_hand():
    """Half-open tiers, the last closed; precision within, recall and coverage over all rows."""
    p = np.array([1.0, 0.7, 0.3, 0.65, 0.52, 0.1])
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    tiers = {"A": (0.7, 1.0), "B": (0.6, 0.7)}
    table = score_tiers(p, y, tiers, BlockBootstrap(np.arange(6), **DRAWS), 2)
    assert (table["A"]["rows"], table["A"]["precision"]) == (4, 0.5)
    assert table["A"]["recall"] == pytest.approx(2 / 6)
    assert (table["B"]["rows"], table["B"]["precision"], table["B"]["coverage"]) == (
        1,
        1.0,
        pytest.approx(1 / 6),
    )
    assert (table["A"]["a_day"], table["B"]["effective_rows"], table["B"]["wilson_low"]) == (2, None, None)
    nothing = score_tiers(p, y, {"X": (0.9999, 0.99995)}, BlockBootstrap(np.arange(6), **DRAWS), 2)["X"]
    assert are_in_order(table | {"X": nothing}, tiers | {"X": (0.9999, 0.99995)}) is False
    assert (nothing["rows"], nothing["precision"], nothing["precision_low"]) == (0, None, None)


def test_effective_rows_are_the_rows_there_really_are():
    """Each call repeated four times is as sure as one of them; the Wilson interval is of that many."""
    rng = np.random.default_rng(5)
    y = np.repeat((rng.random(2000) < 0.7).astype(float), 4)
    p = np.full(8000, 0.7)
    bootstrap = BlockBootstrap(np.arange(8000), **DRAWS | {"block": 40, "resamples": 2000})
    tier = score_tiers(p, y, {"A": (0.6, 1.0)}, bootstrap, 1)["A"]
    assert tier["effective_rows"] == pytest.approx(2000, rel=0.15)
    assert tier["wilson_low"] == pytest.approx(tier["precision_low"], abs=0.003)
    assert tier["wilson_high"] == pytest.approx(tier["precision_high"], abs=0.003)


@pytest.mark.parametrize(
    ("precisions", "told"), [([0.8, 0.7, 0.6], True), ([0.7, 0.8, 0.6], False), ([0.7, None, None], None)]
)
def test_tiers_are_in_order_if_confidence_pays(precisions, told):
    """By confidence, whatever their names; a tier without calls says nothing."""
    tiers = {"Z": (0.7, 1.0), "A": (0.6, 0.7), "M": (0.5, 0.6)}
    table = {name: {"precision": precision} for name, precision in zip(tiers, precisions, strict=True)}
    assert are_in_order(table, tiers) is told
