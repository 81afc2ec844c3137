"""Time from a candle's arrival to its predictions, in all and by part, of the clock and of the processor."""

from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tapeline.schema import OHLCV
from tapeline.serving.answers import PREDICTED
from tapeline.serving.stream import Stream, read_clocks


class Timings(NamedTuple):
    """Nanoseconds of each candle, (n,): in all, for its features, and for each bundle's network."""

    total: NDArray[np.float64]
    features: NDArray[np.float64]
    networks: list[NDArray[np.float64]]


class Timed(NamedTuple):
    """The same candles timed by the clock on the wall and by the processor's time of this process.

    What the clock has beyond the processor's is the machine's: others' work, interrupts, a sleeping core.
    """

    wall: Timings
    cpu: Timings


def time_stream(stream: Stream, symbol: str, candles: pd.DataFrame, warm_up: int) -> Timed:
    """Feed `candles` of `symbol` one by one; of those that were predicted the first `warm_up` don't count.

    The parts are timed by doing them once more, on the same candles, after the answer.
    """
    measured = []
    rows = candles[["timestamp", *OHLCV]].to_dict("records")
    for row in cast("list[dict[str, Any]]", rows):  # named like their columns
        started = read_clocks()
        answer = stream.feed(symbol, row)
        ended = read_clocks()
        if answer.status == PREDICTED:
            total = [after - before for before, after in zip(started, ended, strict=True)]
            measured.append([total, *stream.time_parts(symbol)])
    columns = np.array(measured[warm_up:], dtype=np.float64).reshape(-1, 2 + len(stream.predictors), 2).T
    return Timed(*(Timings(each[0], each[1], list(each[2:])) for each in columns))
