"""Precision, recall and coverage by tier of confidence."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tapeline.evaluation.significance import Intervals, share_interval


def score_tiers(
    tier: NDArray[np.int8],
    hit: NDArray[np.float64],
    names: tuple[str, ...],
    intervals: Intervals,
    days: float,
) -> dict[str, dict[str, Any]]:
    """Score each tier; `tier` (n,) are positions in `names`, the most confident first, `hit` (n,) 1.0 or 0.0.

    precision : share of the tier's calls that came true, with the interval of its effective rows
    recall : share of all rows that the tier called, and called right
    coverage : share of all rows in the tier; a_day : its rows, on one of the `days` that rows come from
    effective_rows : independent rows that would be as sure of the precision
    """
    table = {}
    for position, name in enumerate(names):
        is_in_tier = tier == position
        table[name] = {
            "rows": int(is_in_tier.sum()),
            "coverage": float(is_in_tier.mean()),
            "a_day": float(is_in_tier.sum() / days),
            **_precision(hit, is_in_tier, intervals),
            "recall": float((hit * is_in_tier).mean()),
        }
    return table


def are_in_order(table: dict[str, dict[str, Any]]) -> bool | None:
    """Whether more confident tiers, which come first, were right more often; None with fewer than two."""
    precisions = [tier["precision"] for tier in table.values() if tier["precision"] is not None]
    return bool((np.diff(precisions) <= 0).all()) if len(precisions) > 1 else None


def _precision(
    hit: NDArray[np.float64], is_in_tier: NDArray[np.bool_], intervals: Intervals
) -> dict[str, float | None]:
    names = "precision", "effective_rows", "precision_low", "precision_high"
    if not is_in_tier.any():
        return dict.fromkeys(names)
    figures = float(hit[is_in_tier].mean()), *share_interval(hit, is_in_tier, intervals)
    return dict(zip(names, figures, strict=True))
