"""Precision, recall and coverage by tier of confidence, max(p, 1 - p)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.direction import hits
from tapeline.evaluation.significance import BlockBootstrap


def score_tiers(
    probability: NDArray[np.float64],
    direction: NDArray[np.float64],
    tiers: dict[str, tuple[float, float]],
    bootstrap: BlockBootstrap,
) -> dict[str, dict[str, Any]]:
    """Score each tier [low, high) of confidence, the one that ends at 1 closed; probabilities of shape (n,).

    precision : share of the tier's calls that came true, with the bootstrap's interval
    recall : share of all rows that the tier called, and called right
    coverage : share of all rows in the tier
    """
    confidence, hit = np.maximum(probability, 1 - probability), hits(probability, direction)
    table = {}
    for name, (low, high) in tiers.items():
        inside = (confidence >= low) & ((confidence < high) | (high == 1.0))
        interval = bootstrap.interval_of_mean(hit, where=inside) if inside.any() else (None, None)
        table[name] = {
            "rows": int(inside.sum()),
            "coverage": float(inside.mean()),
            "precision": float(hit[inside].mean()) if inside.any() else None,
            "precision_low": interval[0],
            "precision_high": interval[1],
            "recall": float((hit * inside).mean()),
        }
    return table
