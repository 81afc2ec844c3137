"""A bundle with its scaler and tiers: rows of features in, numbers and tiers out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapeline.nets.scaler import Scaler
from tapeline.promotion.bundle import Bundle, open_bundle
from tapeline.schema import DIRECTION
from tapeline.serving.answers import Prediction
from tapeline.tiers import NO_TIER, tier_numbers

WINDOWS_AT_ONCE = 4096


class Predictor:
    """What one bundle predicts; nothing is kept between calls.

    features : names of the columns that it takes, in order; sequence_length : rows that a prediction takes
    """

    def __init__(self, folder: Path) -> None:
        """Open the bundle in `folder`; ArtifactError names what is wrong with it."""
        self.bundle: Bundle = open_bundle(folder)
        scaler = self.bundle.model.scaler
        self.features = list(self.bundle.model.features)
        self.sequence_length = self.bundle.contract.sequence_length
        self._scaler = Scaler(np.array(scaler.mean), np.array(scaler.std))

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Numbers for the rows from `sequence_length - 1` on of consecutive (N, F) rows."""
        if len(features) == self.sequence_length:  # one window, which needs not be cut
            return self.bundle.run(self._scaler.transform(features)[None]).astype(np.float64)
        return self.predict_rows(features, np.arange(self.sequence_length - 1, len(features)))

    def predict_rows(self, features: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers for `rows` of (N, F) features, each from the `sequence_length` rows that end there."""
        scaled = self._scaler.transform(features)
        back = np.arange(1 - self.sequence_length, 1)
        outputs = [
            self.bundle.run(scaled[rows[first : first + WINDOWS_AT_ONCE, None] + back])
            for first in range(0, len(rows), WINDOWS_AT_ONCE)
        ]
        return np.concatenate([np.empty(0), *outputs])

    @property
    def artifact(self) -> str:
        """Name of the bundle, which no other in production has."""
        return self.bundle.contract.artifact

    def as_prediction(self, value: float) -> Prediction:
        """A predicted number as an answer holds it: a probability with its tier, or a trend strength."""
        if self.bundle.model.label == DIRECTION:
            return Prediction(probability=value, tier=self.tier(value))
        return Prediction(trend_strength=value)

    def tier(self, probability: float) -> str | None:
        """Name of the tier that the confidence max(p, 1 - p) falls into; None between and below them."""
        tiers = self.bundle.contract.tiers
        ranges = tiers.tiers if tiers else {}
        number = int(tier_numbers(np.array(probability), ranges))
        return None if number == NO_TIER else list(ranges)[number]
