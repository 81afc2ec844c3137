"""Train the Transformer fold by fold: strength of the coming trend, 0..1."""

import logging

from stages.runner import run_stage
from stages.training import Network, train_network
from tapeline.nets.params import TrainParams, TransformerParams, check_longest
from tapeline.nets.transformer import Transformer
from tapeline.params import Params
from tapeline.schema import TREND_STRENGTH


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    params = Params.read()
    model, train = params.section("transformer", TransformerParams), params.section("train", TrainParams)
    check_longest(train, model)

    def make_net(n_features: int) -> Transformer:
        return Transformer(n_features, model, train.sequence_length)

    train_network(log, params, train, Network("transformer", model, make_net, TREND_STRENGTH))


if __name__ == "__main__":
    run_stage("train_transformer", main)
