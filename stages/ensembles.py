"""Average what several models say of the same label: of every ensemble, predictions and models' JSON."""

import logging

from tapeline.models.ensembles import ENSEMBLES
from tapeline.stage import run_stage
from tapeline.training.ensembles import combine


def main(log: logging.Logger) -> None:
    """Write every ensemble, and say what it is of."""
    for ensemble in ENSEMBLES:
        log.info(combine(ensemble))


if __name__ == "__main__":
    run_stage("ensembles", main)
