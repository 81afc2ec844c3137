"""Train the LSTM fold by fold: probability that price is higher `labels.horizon` candles on."""

import logging

from stages.runner import run_stage
from stages.training import train_network
from tapeline.nets.lstm import LSTM
from tapeline.nets.params import LstmParams, TrainParams
from tapeline.params import Params
from tapeline.schema import DIRECTION


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    params = Params.read()
    model, train = params.section("model", LstmParams), params.section("train", TrainParams)
    train_network(log, params, train, model, lambda n: LSTM(n, model), "lstm", DIRECTION)


if __name__ == "__main__":
    run_stage("train_lstm", main)
