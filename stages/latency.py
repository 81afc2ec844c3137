"""Time candles in, predictions out, as they are served. Differs from run to run by nature."""

import logging

from tapeline.evaluation.latency import LatencyParams
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.serving.candidates import time_or_say_why
from tapeline.stage import run_stage


def main(log: logging.Logger) -> None:
    """Feed the newest candles to the candidates one by one, on one thread."""
    metrics, detail, lines = time_or_say_why(Params.read().section("latency", LatencyParams))
    write_json("metrics/latency.json", metrics)
    write_json("metrics/detail/latency.json", detail)
    for line in lines:
        log.info(line)


if __name__ == "__main__":
    run_stage("latency", main)
