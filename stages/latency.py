"""Time candles in, predictions out, as they are served. Differs from run to run by nature."""

import logging
import math
import platform
from importlib.metadata import version
from pathlib import Path

import numpy as np

from stages.runner import run_stage
from tapeline.evaluation.latency import LatencyParams, percentiles
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.market.tables import read_table
from tapeline.outputs import write_json
from tapeline.params import Params
from tapeline.promotion.gates import ARTIFACTS
from tapeline.schema import OHLCV
from tapeline.serving.stream import Stream
from tapeline.serving.timing import time_stream


def main(log: logging.Logger) -> None:
    """Feed the newest candles to the candidates one by one, on one thread."""
    params = Params.read().section("latency", LatencyParams)
    stream = Stream(
        *(Path("models/candidate") / artifact for artifact in ARTIFACTS),
        clock=lambda: math.inf,  # a replay: every candle has closed
        allow_simulated=is_of_simulation(read_origin("data/candles")),
    )
    symbol = stream.predictors[0].bundle.contract["input"]["symbols"][0]
    table = read_table("data/candles", symbol, ["timestamp", "segment", "is_filled", *OHLCV])
    wanted = stream.lookback + stream.length + params.warm_up + params.repeats
    longest = table[table["segment"] == table["segment"].value_counts().index[0]]
    taken = time_stream(stream, symbol, longest[~longest["is_filled"]].iloc[-wanted:], params.warm_up)
    parts = dict(zip(ARTIFACTS.values(), taken.networks, strict=True))
    alone = {network: taken.total - sum(parts.values()) + own for network, own in parts.items()}
    metrics = {"candles": taken.total.size} | {
        f"{name}_{key}": value
        for name, ns in {f"{network}_latency": ns for network, ns in alone.items()}.items()
        for key, value in percentiles(ns).items()
    }
    metrics |= {f"both_latency_{key}": value for key, value in percentiles(taken.total).items()}
    write_json("metrics/latency.json", metrics)
    detail = {
        "features": percentiles(taken.features),
        **{network: percentiles(ns) for network, ns in parts.items()},
        "rest": percentiles(taken.total - taken.features - sum(parts.values())),
        "machine": {
            "processor": processor(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": version("onnxruntime"),
            "threads": 1,
        },
    }
    write_json("metrics/detail/latency.json", detail)
    log.info("candle to both predictions: %s", percentiles(taken.total))


def processor() -> str:
    """Name of the processor, as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    run_stage("latency", main)
