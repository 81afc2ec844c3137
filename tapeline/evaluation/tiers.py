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
        inside = tier == position
        table[name] = {
            "rows": int(inside.sum()),
            "coverage": float(inside.mean()),
            "a_day": float(inside.sum() / days),
            **_precision(hit, inside, intervals),
            "recall": float((hit * inside).mean()),
        }
    return table


def are_in_order(table: dict[str, dict[str, Any]]) -> bool | None:
    """Whether more confident tiers, which come first, were right more often; None with fewer than two."""
    found = [tier["precision"] for tier in table.values() if tier["precision"] is not None]
    return bool((np.diff(found) <= 0).all()) if len(found) > 1 else None


def _precision(
    hit: NDArray[np.float64], inside: NDArray[np.bool_], intervals: Intervals
) -> dict[str, float | None]:
    names = "precision", "effective_rows", "precision_low", "precision_high"
    if not inside.any():
        return dict.fromkeys(names)
    found = float(hit[inside].mean()), *share_interval(hit, inside, intervals)
    return dict(zip(names, found, strict=True))
