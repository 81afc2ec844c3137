"""Every model there is. What trains one imports its own entry instead: another must not retrain it."""

from tapeline.models.entry import ModelEntry
from tapeline.models.lstm import LSTM
from tapeline.models.transformer import TRANSFORMER
from tapeline.schema import DIRECTION, TREND_STRENGTH

MODELS: tuple[ModelEntry, ...] = (LSTM, TRANSFORMER)
ARTIFACTS = {model.artifact: model for model in MODELS}
# metrics/NAME.json that speak of models, and that gates may name; the last says what the audits found.
FILES = tuple(dict.fromkeys([file for model in MODELS for file in model.metrics] + ["promotion"]))


def first_of(label: str) -> ModelEntry:
    """The model that trades by `label`: the first in the table that predicts it."""
    return next(model for model in MODELS if model.label == label)


TRADED = first_of(DIRECTION), first_of(TREND_STRENGTH)  # whose sides are traded, whose strength allows them
