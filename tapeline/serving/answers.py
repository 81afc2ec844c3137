"""The answer to a candle: a prediction, or why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

PREDICTED, WARMING_UP, REFUSED, GAP = "predicted", "warming_up", "refused", "gap"


@dataclass(frozen=True)
class Prediction:
    """What one bundle predicts: a probability with the tier it falls into, if any, or a trend strength."""

    probability: float | None = None
    tier: str | None = None
    trend_strength: float | None = None

    @property
    def value(self) -> float | None:
        """The number itself; None where there is none."""
        return self.trend_strength if self.probability is None else self.probability

    @property
    def kind(self) -> str:
        """Which number it is."""
        return "trend_strength" if self.probability is None else "probability"

    @property
    def record(self) -> dict[str, Any]:
        """The fields that are not None, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Answer:
    """Prediction for one candle, or why there is none.

    status : predicted, warming_up (`missing` candles more are needed), gap or refused; `reason` says why
    predictions : by artifact, empty where there is no prediction
    """

    symbol: str
    timestamp: Any
    status: str
    reason: str = ""
    missing: int = 0
    predictions: Mapping[str, Prediction] = field(default_factory=dict)

    @property
    def single(self) -> Prediction:
        """Numbers that only one bundle predicts, merged; those that several predict are left out."""
        several = self.several
        records = [
            prediction.record for artifact, prediction in self.predictions.items() if artifact not in several
        ]
        return Prediction(**{name: value for record in records for name, value in record.items()})

    @property
    def several(self) -> dict[str, Prediction]:
        """By artifact, the numbers of bundles that predict the same as another."""
        kinds = [prediction.kind for prediction in self.predictions.values()]
        return {artifact: same for artifact, same in self.predictions.items() if kinds.count(same.kind) > 1}


def answer_long_gap(key: Mapping[str, Any], missing: int, left: int) -> Answer:
    """Answer to the candle of `key`, symbol and timestamp, after a gap of `missing` too long to fill."""
    return Answer(**key, status=GAP, reason=f"{missing} candles are missing: begun anew", missing=left)


def answer_predicted(
    key: Mapping[str, Any], predictions: Mapping[str, Prediction], n_filled: int, leader: str | None
) -> Answer:
    """Answer with `predictions` to the candle of `key`, symbol and timestamp.

    n_filled : missing candles right before it; leader : its name where its move is not known, else None
    """
    reasons = []
    if n_filled:
        reasons.append(f"{n_filled} candles before it were missing and are filled")
    if leader:
        reasons.append(
            f"predicted as if the leader {leader} did not move: its last candle is too old, or there is none"
        )
    return Answer(**key, status=PREDICTED, reason="; ".join(reasons), predictions=predictions)


def is_in_range(predictions: Mapping[str, Prediction]) -> bool:
    """Whether all predicted numbers are finite."""
    values = [prediction.value for prediction in predictions.values()]
    return all(value is not None and bool(np.isfinite(value)) for value in values)


def answer_out_of_range(key: Mapping[str, Any]) -> Answer:
    """Answer to the candle of `key`, symbol and timestamp, whose prediction would not be finite."""
    reason = "its features are out of any range: look at prices and volumes of the last candles"
    return Answer(**key, status=REFUSED, reason=reason)


class Asked(NamedTuple):
    """What the networks are asked at a candle, and what else its answer says.

    key : symbol and timestamp; window : rows of its features, scaled; n_filled, leader : `answer_predicted`
    """

    key: Mapping[str, Any]
    window: NDArray[np.float32]
    n_filled: int
    leader: str | None

    def answer(self, predictions: Mapping[str, Prediction]) -> Answer:
        """The answer with what the networks said."""
        if not is_in_range(predictions):
            return answer_out_of_range(self.key)
        return answer_predicted(self.key, predictions, self.n_filled, self.leader)
