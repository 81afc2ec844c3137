"""The GRU: probability that price is higher `labels.horizon` candles on."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tapeline.models.network import NetworkEntry
from tapeline.nets.params import TrainParams
from tapeline.params import Params, Section
from tapeline.schema import DIRECTION

if TYPE_CHECKING:
    from tapeline.nets.network import Network


class GruParams(Section):
    """Section `gru`."""

    hidden: Annotated[int, Field(ge=1, le=8192)]


def _read(params: Params) -> GruParams:
    return params.section("gru", GruParams)


def _build(n_features: int, architecture: GruParams, sequence_length: int) -> "Network":
    from tapeline.nets import gru

    return gru.GRU(n_features, architecture.hidden)


def _adapt(train: TrainParams, architecture: GruParams) -> TrainParams:
    return train


GRU = NetworkEntry(
    name="gru",
    title="GRU",
    label=DIRECTION,
    artifact="gru-direction",
    metrics=("gru",),
    section="gru",
    architecture=GruParams,
    read=_read,
    build=_build,
    adapt=_adapt,
)
