"""Train the LSTM fold by fold: probability that price is higher `labels.horizon` candles on."""

import logging

from stages.runner import run_stage
from stages.training import Network, train_network
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.params import Params
from tapeline.schema import DIRECTION


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    params = Params.read()
    model, train = params.section("model", LstmParams), params.section("train", TrainParams)
    if model.bidirectional:
        train = train.windowed()  # inside a longer chunk it would read the candles after the scored one
    network = Network("lstm", model, lambda n_features: LSTM(n_features, model), DIRECTION)
    train_network(log, params, train, network)


if __name__ == "__main__":
    run_stage("train_lstm", main)
