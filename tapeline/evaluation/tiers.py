"""Precision, recall and coverage by tier of confidence, max(p, 1 - p)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.direction import hits
from tapeline.evaluation.significance import Intervals, share_interval

Tiers = dict[str, tuple[float, float]]


def score_tiers(
    probability: NDArray[np.float64],
    direction: NDArray[np.float64],
    tiers: Tiers,
    intervals: Intervals,
    days: float,
) -> dict[str, dict[str, Any]]:
    """Score each tier [low, high) of confidence, the one that ends at 1 closed; probabilities of shape (n,).

    precision : share of the tier's calls that came true, with the interval of its effective rows
    recall : share of all rows that the tier called, and called right
    coverage : share of all rows in the tier; a_day : its rows, on one of the `days` that rows come from
    effective_rows : independent rows that would be as sure of the precision
    """
    confidence, hit = np.maximum(probability, 1 - probability), hits(probability, direction)
    table = {}
    for name, (low, high) in tiers.items():
        inside = (confidence >= low) & ((confidence < high) | (high == 1.0))
        table[name] = {
            "rows": int(inside.sum()),
            "coverage": float(inside.mean()),
            "a_day": float(inside.sum() / days),
            **_precision(hit, inside, intervals),
            "recall": float((hit * inside).mean()),
        }
    return table


def are_in_order(table: dict[str, dict[str, Any]], tiers: Tiers) -> bool | None:
    """Whether more confident tiers were right more often; None with fewer than two tiers that called."""
    found = [table[name]["precision"] for name in sorted(tiers, key=tiers.__getitem__)]
    found = [precision for precision in found if precision is not None]
    return bool((np.diff(found) >= 0).all()) if len(found) > 1 else None


def _precision(
    hit: NDArray[np.float64], inside: NDArray[np.bool_], intervals: Intervals
) -> dict[str, float | None]:
    names = "precision", "effective_rows", "precision_low", "precision_high"
    if not inside.any():
        return dict.fromkeys(names)
    found = float(hit[inside].mean()), *share_interval(hit, inside, intervals)
    return dict(zip(names, found, strict=True))
