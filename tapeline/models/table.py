"""Every model there is. What trains one imports its own entry instead: another must not retrain it."""

from tapeline.models.baselines import BASELINES
from tapeline.models.ensembles import ENSEMBLES
from tapeline.models.entry import ModelEntry
from tapeline.models.lstm import LSTM
from tapeline.models.network import NetworkEntry
from tapeline.models.transformer import TRANSFORMER
from tapeline.schema import DIRECTION, TREND_STRENGTH

NETWORKS: tuple[NetworkEntry, ...] = (LSTM, TRANSFORMER)  # trained by gradient, a stage each
# All that is scored, gated, packed and released.
MODELS: tuple[ModelEntry, ...] = (*NETWORKS, *BASELINES, *ENSEMBLES)
ARTIFACTS = {model.artifact: model for model in MODELS}
# NAME of metrics/NAME.json: that speak of models; and, what the audits found with them, that gates may name.
OF_MODELS = tuple(dict.fromkeys(file for model in MODELS for file in model.metrics))
FILES = *OF_MODELS, "promotion"


def models_of(label: str) -> tuple[ModelEntry, ...]:
    """The models that predict `label`, in the table's order; the first of them is traded by."""
    return tuple(model for model in MODELS if model.label == label)


TRADED = models_of(DIRECTION)[0], models_of(TREND_STRENGTH)[0]  # whose sides are traded, who allows them
