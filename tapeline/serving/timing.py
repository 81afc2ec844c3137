"""Time from a candle's arrival to its predictions, in all and by part."""

import time
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import OHLCV
from tapeline.serving.answers import PREDICTED
from tapeline.serving.stream import Stream


class Timings(NamedTuple):
    """Nanoseconds of each candle, (n,): in all, for its features, and for each bundle's network."""

    total: NDArray[np.float64]
    features: NDArray[np.float64]
    networks: list[NDArray[np.float64]]


def time_stream(stream: Stream, symbol: str, candles: pd.DataFrame, warm_up: int) -> Timings:
    """Feed `candles` of `symbol` one by one; of those that were predicted the first `warm_up` don't count.

    The parts are timed by doing them once more, on the same candles, after the answer.
    """
    measured = []
    rows = candles[["timestamp", *OHLCV]].to_dict("records")
    for row in cast("list[dict[str, Any]]", rows):  # named like their columns
        started = time.perf_counter_ns()
        answer = stream.feed(symbol, row)
        total = time.perf_counter_ns() - started
        if answer.status == PREDICTED:
            measured.append([total, *stream.time_parts(symbol)])
    columns = np.array(measured[warm_up:], dtype=np.float64).reshape(-1, 2 + len(stream.predictors)).T
    return Timings(columns[0], columns[1], list(columns[2:]))
