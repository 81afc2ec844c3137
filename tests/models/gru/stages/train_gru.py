"""Train the GRU fold by fold: probability that price is higher `labels.horizon` candles on."""

import logging

from tapeline.models.gru import GRU
from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.train import train_model


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    train_model(log, Params.read(), GRU)


if __name__ == "__main__":
    run_stage("train_gru", main)
