"""The packed candidates as they would be served, on the newest candles: latency is measured on them."""

import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tapeline.errors import ArtifactError
from tapeline.evaluation.latency import percentiles
from tapeline.promotion.bundle import MANIFEST
from tapeline.schema import OHLCV
from tapeline.serving.stream import Stream
from tapeline.serving.timing import Timings
from tapeline.store.tables import read_table


def open_candidates(folder: Path, allow_simulated: bool) -> Stream:
    """Open a stream of every bundle in `folder`, for a replay: by its clock every candle has closed."""
    bundles = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not bundles:
        raise ArtifactError(f"{folder}: holds no bundle; `dvc repro promote` packs them")
    return Stream(*bundles, clock=lambda: math.inf, allow_simulated=allow_simulated)


def newest_candles(folder: Path, stream: Stream, n_predicted: int) -> tuple[str, pd.DataFrame]:
    """The first symbol of `stream`, and the newest candles of its longest segment that it needs.

    Of `folder`'s canonical candles as many as `n_predicted` predictions take, warm-up included.
    """
    symbol = stream.predictors[0].bundle.contract.input.symbols[0]
    table = read_table(folder, symbol, ["timestamp", "segment", "is_filled", *OHLCV])
    longest = table[table["segment"] == table["segment"].value_counts().index[0]]
    n_candles = stream.lookback + stream.length + n_predicted
    return symbol, longest[~longest["is_filled"]].iloc[-n_candles:]


def latency_records(stream: Stream, timings: Timings) -> tuple[dict[str, Any], dict[str, Any]]:
    """Declared metrics and detail of `timings`, those of the bundles of `stream`."""
    names = [predictor.bundle.model.network for predictor in stream.predictors]
    networks = dict(zip(names, timings.networks, strict=True))
    rest = timings.total - sum(networks.values())  # what every network needs beside its own time
    metrics: dict[str, Any] = {"candles": timings.total.size}
    for name, own in networks.items():
        metrics |= {f"{name}_latency_{key}": value for key, value in percentiles(rest + own).items()}
    metrics |= {f"both_latency_{key}": value for key, value in percentiles(timings.total).items()}
    detail = {
        "features": percentiles(timings.features),
        **{name: percentiles(own) for name, own in networks.items()},
        "rest": percentiles(rest - timings.features),
        "machine": {
            "processor": processor(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": version("onnxruntime"),
            "threads": 1,
        },
    }
    return metrics, detail


def processor() -> str:
    """Name of the processor by the operating system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
