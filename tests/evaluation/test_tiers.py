"""Tiers of confidence by hand."""

import numpy as np
import pytest

from tapeline.evaluation.significance import BlockBootstrap
from tapeline.evaluation.tiers import score_tiers

DRAWS = {"block": 10, "resamples": 500, "level": 0.95, "seed": 3}


def test_tiers_by_hand():
    """Half-open tiers, the last closed; precision within, recall and coverage over all rows."""
    p = np.array([1.0, 0.7, 0.3, 0.65, 0.52, 0.1])
    y = np.array([1.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    tiers = {"A": (0.7, 1.0), "B": (0.6, 0.7)}
    table = score_tiers(p, y, tiers, BlockBootstrap(np.arange(6), **DRAWS))
    assert (table["A"]["rows"], table["A"]["precision"]) == (4, 0.5)
    assert table["A"]["recall"] == pytest.approx(2 / 6)
    assert (table["B"]["rows"], table["B"]["precision"], table["B"]["coverage"]) == (
        1,
        1.0,
        pytest.approx(1 / 6),
    )
    nothing = score_tiers(p, y, {"X": (0.9999, 0.99995)}, BlockBootstrap(np.arange(6), **DRAWS))["X"]
    assert (nothing["rows"], nothing["precision"], nothing["precision_low"]) == (0, None, None)
