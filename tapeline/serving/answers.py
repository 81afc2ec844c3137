"""What is said of a candle: a prediction, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PREDICTED, WARMING_UP, REFUSED, GAP = "predicted", "warming_up", "refused", "gap"


@dataclass(frozen=True)
class Answer:
    """What there is to say of one candle; numbers are None where there is no prediction.

    status : predicted, warming_up (`missing` candles more are needed), gap or refused; `reason` says why
    """

    symbol: str
    timestamp: Any
    status: str
    reason: str = ""
    missing: int = 0
    probability: float | None = None
    tier: str | None = None
    trend_strength: float | None = None


def begun_anew(told: Mapping[str, Any], missing: int, left: int) -> Answer:
    """Answer to a candle, known by `told`, behind a gap of `missing` that is too long to fill."""
    return Answer(**told, status=GAP, reason=f"{missing} candles are missing: begun anew", missing=left)


def leader_unknown(leader: str) -> str:
    """Why a prediction knows nothing of the leader."""
    return f"predicted as if the leader {leader} did not move: its last candle is too old, or there is none"


def is_in_range(predicted: Mapping[str, Any]) -> bool:
    """Whether all numbers of a prediction are finite."""
    return all(np.isfinite(value) for value in predicted.values() if isinstance(value, float))


def out_of_range(told: Mapping[str, Any]) -> Answer:
    """Answer to a candle, known by `told`, whose prediction would be no number."""
    reason = "its features are out of any range: look at prices and volumes of the last candles"
    return Answer(**told, status=REFUSED, reason=reason)
