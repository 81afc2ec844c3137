"""Train the Transformer fold by fold: strength of the coming trend, 0..1."""

import logging

from tapeline.memory import require_memory
from tapeline.models.transformer import TRANSFORMER
from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.train import train_model


def main(log: logging.Logger) -> None:
    """Train on every fold and predict its test rows."""
    params = Params.read()
    require_memory(params, "train")
    train_model(log, params, TRANSFORMER)


if __name__ == "__main__":
    run_stage("train_transformer", main)
