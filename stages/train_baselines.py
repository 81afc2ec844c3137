"""Fit the baselines fold by fold: rules on the last candle's features, which networks must beat."""

import logging

from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.baselines import train_baselines


def main(log: logging.Logger) -> None:
    """Fit, choose on each fold's own validation, predict its test rows."""
    train_baselines(log, Params.read())


if __name__ == "__main__":
    run_stage("train_baselines", main)
