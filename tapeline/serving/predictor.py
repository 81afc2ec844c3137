"""A bundle with its scaler and tiers: rows of features in, numbers and tiers out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tapeline.errors import ArtifactError, NotServedError
from tapeline.extra import GROUP as EXTRA
from tapeline.features.catalog import FEATURES
from tapeline.features.declare import Feature
from tapeline.features.table import feature_version
from tapeline.nets.scaler import Scaler
from tapeline.promotion.bundle import Bundle, open_bundle
from tapeline.schema import DIRECTION
from tapeline.serving.answers import Prediction
from tapeline.tiers import NO_TIER, tier_numbers

WINDOWS_AT_ONCE = 4096


class Predictor:
    """What one bundle predicts; nothing is kept between calls.

    features : names of the columns that it takes, in order; sequence_length : rows that a prediction takes
    scaler : fitted in its training
    """

    def __init__(self, folder: Path, open_with: Callable[[Path], Bundle] = open_bundle) -> None:
        """Open the bundle in `folder`; ArtifactError names what is wrong with it."""
        self.bundle = open_with(folder)
        fitted = self.bundle.model.scaler
        self.features = list(self.bundle.model.features)
        self.sequence_length = self.bundle.contract.sequence_length
        self.scaler = Scaler(np.array(fitted.mean), np.array(fitted.std))

    def scale(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Rows (N, F) of features as `predict_windows` takes them."""
        return self.scaler.transform(features)

    def predict_windows(self, windows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Numbers for windows (B, `sequence_length`, F) of scaled rows."""
        return self.bundle.run(windows).astype(np.float64)

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Numbers for the rows from `sequence_length - 1` on of consecutive (N, F) rows."""
        return self.predict_rows(features, np.arange(self.sequence_length - 1, len(features)))

    def predict_rows(self, features: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Numbers for `rows` of (N, F) features, each from the `sequence_length` rows that end there."""
        scaled = self.scaler.transform(features)
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

    def as_predictions(self, values: NDArray[np.float64]) -> list[Prediction]:
        """Predicted numbers (B,) as answers hold them: a probability with its tier, or a trend strength."""
        if self.bundle.model.label != DIRECTION:
            return [Prediction(trend_strength=value) for value in values.tolist()]
        tiers = self.tiers(values)
        return [Prediction(value, tier) for value, tier in zip(values.tolist(), tiers, strict=True)]

    def tiers(self, probabilities: NDArray[np.float64]) -> list[str | None]:
        """Name of the tier that each confidence max(p, 1 - p) falls into; None between and below them."""
        tiers = self.bundle.contract.tiers
        ranges = tiers.tiers if tiers else {}
        names: dict[int, str | None] = {NO_TIER: None, **dict(enumerate(ranges))}
        return [names[number] for number in tier_numbers(probabilities, ranges).tolist()]


def features_of(predictor: Predictor) -> list[Feature]:
    """Features of a bundle, in its order; ArtifactError if this code computes others or can't feed them."""
    model = predictor.bundle.model
    extra = [name for name in predictor.features if name.startswith(f"{EXTRA}_")]
    if extra:
        raise NotServedError(
            f"{predictor.bundle.contract.artifact}: takes inputs of data.extra, as {extra[0]}: such models "
            "can be trained, judged and proven, and are not served yet, so neither promoted nor timed"
        )
    unknown = [name for name in predictor.features if name not in FEATURES]
    features = [FEATURES[name] for name in predictor.features if name in FEATURES]
    if unknown or feature_version(features, model.horizon) != model.made_from["features"]:
        artifact = predictor.bundle.contract.artifact
        raise ArtifactError(
            f"{artifact}: this code computes features otherwise than in its training; "
            "check out the commit of its tag to predict with it"
        )
    return features
