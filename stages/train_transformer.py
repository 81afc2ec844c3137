"""Train the Transformer fold by fold: strength of the coming trend, 0..1."""

import logging

from tapeline.models.transformer import TRANSFORMER
from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.train import train_model


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    train_model(log, Params.read(), TRANSFORMER)


if __name__ == "__main__":
    run_stage("train_transformer", main)
