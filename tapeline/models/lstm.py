"""The LSTM: probability that price is higher `labels.horizon` candles on."""

from typing import TYPE_CHECKING

from tapeline.models.network import NetworkEntry
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.params import Params
from tapeline.schema import DIRECTION

if TYPE_CHECKING:
    from tapeline.nets.network import Network


def _read(params: Params) -> LstmParams:
    return params.section("model", LstmParams)


def _build(n_features: int, architecture: LstmParams, sequence_length: int) -> "Network":
    from tapeline.nets import lstm

    return lstm.LSTM(n_features, architecture)


def _adapt(train: TrainParams, architecture: LstmParams) -> TrainParams:
    # Inside a longer chunk a bidirectional one would read the candles after the scored one.
    return train.windowed() if architecture.bidirectional else train


LSTM = NetworkEntry(
    name="lstm",
    title="LSTM",
    label=DIRECTION,
    artifact="lstm-direction",
    metrics=("lstm", "backtest", "ftmo"),
    section="model",
    architecture=LstmParams,
    read=_read,
    build=_build,
    adapt=_adapt,
)
