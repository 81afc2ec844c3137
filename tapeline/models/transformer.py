"""The Transformer: strength of the coming trend, 0..1."""

from typing import TYPE_CHECKING

from tapeline.models.network import NetworkEntry
from tapeline.nets.params import TrainParams, TransformerParams, check_longest
from tapeline.params import Params
from tapeline.schema import TREND_STRENGTH

if TYPE_CHECKING:
    from tapeline.nets.network import Network


def _read(params: Params) -> TransformerParams:
    return params.section("transformer", TransformerParams)


def _build(n_features: int, architecture: TransformerParams, sequence_length: int) -> "Network":
    from tapeline.nets.transformer import Transformer

    return Transformer(n_features, architecture, sequence_length)


def _adapt(train: TrainParams, architecture: TransformerParams) -> TrainParams:
    check_longest(train, architecture)
    return train


TRANSFORMER = NetworkEntry(
    name="transformer",
    title="Transformer",
    label=TREND_STRENGTH,
    artifact="transformer-trend",
    metrics=("transformer",),
    section="transformer",
    architecture=TransformerParams,
    read=_read,
    build=_build,
    adapt=_adapt,
)
