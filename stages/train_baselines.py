"""Fit the baselines fold by fold: rules on the last candle's features, which networks must beat."""

import logging

from tapeline.memory import require_memory
from tapeline.params import Params
from tapeline.stage import run_stage
from tapeline.training.baselines import train_baselines


def main(log: logging.Logger) -> None:
    """Fit, choose on each fold's own validation, predict its test rows."""
    params = Params.read()
    require_memory(params, "baselines")
    train_baselines(log, params)


if __name__ == "__main__":
    run_stage("train_baselines", main)
