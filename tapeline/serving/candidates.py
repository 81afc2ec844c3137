"""The packed candidates as they would be served, on the newest candles: latency is measured on them."""

import math
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.errors import ArtifactError, NotServedError
from tapeline.evaluation.latency import LatencyParams, percentiles
from tapeline.market.origin import is_of_simulation, read_origin
from tapeline.promotion.bundle import CONTRACT, open_to_time
from tapeline.promotion.manifest import MANIFEST
from tapeline.schema import OHLCV
from tapeline.serving.stream import Stream
from tapeline.serving.timing import Timed, Timings, time_stream
from tapeline.store.tables import read_table


def open_candidates(folder: Path, allow_simulated: bool) -> Stream:
    """Open a stream of every bundle in `folder`, for a replay: by its clock every candle has closed."""
    bundles = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}"))
    if not bundles:
        raise ArtifactError(f"{folder}: holds no bundle; `dvc repro promote` packs them")
    return Stream(*bundles, clock=_ahead, allow_simulated=allow_simulated)


def newest_candles(folder: Path, stream: Stream, n_predicted: int) -> tuple[str, pd.DataFrame]:
    """The first symbol of `stream`, and the newest candles of its longest segment that it needs.

    Of `folder`'s canonical candles as many as `n_predicted` predictions take, warm-up included.
    """
    symbol = stream.predictors[0].bundle.contract.input.symbols[0]
    table = read_table(folder, symbol, ["timestamp", "segment", "is_filled", *OHLCV])
    longest = table[table["segment"] == table["segment"].value_counts().index[0]]
    n_candles = stream.lookback + stream.length + n_predicted
    return symbol, longest[~longest["is_filled"]].iloc[-n_candles:]


def time_candidates(params: LatencyParams) -> tuple[Stream, Timed]:
    """Feed the newest candles of the run to its candidates one by one, on one thread.

    Of a bundle only what predicts is read: its figures and params may change, and nothing is timed anew.
    """
    folder = Path("data/candles")
    allow_simulated = is_of_simulation(read_origin(folder))
    stream = Stream(*_folders(), clock=_ahead, allow_simulated=allow_simulated, open_with=open_to_time)
    symbol, candles = newest_candles(folder, stream, params.warm_up + params.repeats)
    return stream, time_stream(stream, symbol, candles, params.warm_up)


def time_or_say_why(params: LatencyParams) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Metrics and detail of the run's candidates, timed, and lines that sum them up.

    Of candidates that are not served nothing is timed: their metrics are null, and a line says why.
    """
    try:
        stream, timed = time_candidates(params)
    except NotServedError as error:
        names = [open_to_time(bundle).model.network for bundle in _folders()]
        nothing = Timings(np.empty(0), np.empty(0), [np.empty(0)] * len(names))
        return *_records(names, Timed(nothing, nothing)), [str(error)]
    return *latency_records(stream, timed), [
        f"candle to all predictions, milliseconds by the clock: {in_a_line(timed.wall.total)}",
        f"of the processor: {in_a_line(timed.cpu.total)}; the gate is on each network's p99",
    ]


def _folders() -> list[Path]:
    """Folders of the candidates; ArtifactError if there is none."""
    bundles = sorted(path.parent for path in Path().glob(f"models/candidate/*/{CONTRACT}"))
    if not bundles:
        raise ArtifactError("models/candidate: holds no bundle; `dvc repro promote` packs them")
    return bundles


def _ahead() -> float:
    """A clock by which every candle has closed."""
    return math.inf


def latency_records(stream: Stream, timed: Timed) -> tuple[dict[str, Any], dict[str, Any]]:
    """Metrics and detail of `timed`, the times of the bundles of `stream`.

    NAME_latency_* is the clock's, NAME_cpu_* the processor's, of the candle to each network's prediction.
    """
    return _records([predictor.bundle.model.network for predictor in stream.predictors], timed)


def _records(names: list[str], timed: Timed) -> tuple[dict[str, Any], dict[str, Any]]:
    metrics: dict[str, Any] = {"candles": timed.wall.total.size}
    for word, timings in (("latency", timed.wall), ("cpu", timed.cpu)):
        for name, alone in taken_alone(names, timings).items():
            metrics |= {f"{name}_{word}_{key}": value for key, value in percentiles(alone).items()}
        metrics |= {f"all_{word}_{key}": value for key, value in percentiles(timings.total).items()}
    timings = timed.wall
    networks = dict(zip(names, timings.networks, strict=True))
    rest = timings.total - sum(networks.values())
    detail = {
        "features": percentiles(timings.features),
        **{name: percentiles(own) for name, own in networks.items()},
        "rest": percentiles(rest - timings.features),
        "waiting": percentiles(timed.wall.total - timed.cpu.total),
        "machine": {
            "processor": processor(),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "onnxruntime": version("onnxruntime"),
            "threads": 1,
        },
    }
    return metrics, detail


def taken_alone(names: list[str], timings: Timings) -> dict[str, NDArray[np.float64]]:
    """By network what it takes without the others, (n,): its own time, and what every network needs."""
    rest = timings.total - sum(timings.networks)
    return {name: rest + own for name, own in zip(names, timings.networks, strict=True)}


def in_a_line(taken_ns: NDArray[np.float64]) -> str:
    """Percentiles in milliseconds, for the log."""
    found = percentiles(taken_ns).items()
    return ", ".join(f"{key.removesuffix('_ms')} {value:.2f}" for key, value in found if value is not None)


def processor() -> str:
    """Name of the processor by the operating system."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
