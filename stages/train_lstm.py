"""Train the LSTM fold by fold: probability that price is higher `labels.horizon` candles on."""

import logging

from tapeline.memory import require_memory
from tapeline.models.lstm import LSTM
from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.train import train_model


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    params = Params.read()
    require_memory(params, "train")
    train_model(log, params, LSTM)


if __name__ == "__main__":
    run_stage("train_lstm", main)
