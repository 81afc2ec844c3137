"""Time single predictions of the packed bundles, as they are served. Differs from run to run by nature."""

import logging
from pathlib import Path

import numpy as np

from stages.runner import run_stage
from tapeline.evaluation.latency import LatencyParams, time_calls
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.promotion.bundle import open_bundle
from tapeline.promotion.gates import ARTIFACTS


def main(log: logging.Logger) -> None:
    """Time one-window predictions of every candidate on one thread."""
    latency = Params.read().section("latency", LatencyParams)
    metrics = {}
    for artifact, network in ARTIFACTS.items():
        bundle = open_bundle(Path("models/candidate") / artifact)
        shape = (1, bundle.contract["sequence_length"], len(bundle.model["features"]))
        windows = np.random.default_rng(0).normal(size=(100, *shape)).astype(np.float32)
        timed = time_calls(bundle.run, list(windows), latency)
        metrics |= {f"{network}_latency_{name}": value for name, value in timed.items()}
        log.info("%s: %s", artifact, ", ".join(f"{k} {v:.3f}" for k, v in timed.items()))
    write_json("metrics/latency.json", metrics)


if __name__ == "__main__":
    run_stage("latency", main)
