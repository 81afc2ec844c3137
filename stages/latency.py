"""Time candles in, predictions out, as they are served. Differs from run to run by nature."""

import logging

from tapeline.evaluation.latency import LatencyParams, percentiles
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.serving.candidates import latency_records, time_candidates
from tapeline.stage import run_stage


def main(log: logging.Logger) -> None:
    """Feed the newest candles to the candidates one by one, on one thread."""
    stream, timed = time_candidates(Params.read().section("latency", LatencyParams))
    metrics, detail = latency_records(stream, timed)
    write_json("metrics/latency.json", metrics)
    write_json("metrics/detail/latency.json", detail)
    log.info("candle to all predictions, by the clock: %s", percentiles(timed.wall.total))
    log.info("of the processor: %s; the gate is on that", percentiles(timed.cpu.total))


if __name__ == "__main__":
    run_stage("latency", main)
