"""Time candles in, predictions out, as they are served. Differs from run to run by nature."""

import logging
from pathlib import Path

from tapeline.evaluation.latency import LatencyParams, percentiles
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.serving.candidates import latency_records, newest_candles, open_candidates
from tapeline.serving.timing import time_stream
from tapeline.stage import run_stage


def main(log: logging.Logger) -> None:
    """Feed the newest candles to the candidates one by one, on one thread."""
    params = Params.read().section("latency", LatencyParams)
    stream = open_candidates(Path("models/candidate"), is_of_simulation(read_origin("data/candles")))
    symbol, candles = newest_candles(Path("data/candles"), stream, params.warm_up + params.repeats)
    taken = time_stream(stream, symbol, candles, params.warm_up)
    metrics, detail = latency_records(stream, taken)
    write_json("metrics/latency.json", metrics)
    write_json("metrics/detail/latency.json", detail)
    log.info("candle to all predictions: %s", percentiles(taken.total))


if __name__ == "__main__":
    run_stage("latency", main)
