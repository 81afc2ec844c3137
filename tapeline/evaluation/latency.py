"""How long single predictions take."""

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tapeline.params import Section

PERCENTILES = {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "p999_ms": 99.9}


class LatencyParams(Section):
    """Section `latency`."""

    warm_up: Annotated[int, Field(ge=0, le=1_000_000)]  # candles predicted before timing begins
    repeats: Annotated[int, Field(ge=1, le=1_000_000)]  # candles timed
    p99_budget_ms: Annotated[
        float, Field(gt=0, le=60_000)
    ]  # that the 99th percentile of one prediction may take


def percentiles(taken_ns: NDArray[np.float64]) -> dict[str, float | None]:
    """Percentiles, in milliseconds, of times of shape (n,) in nanoseconds; None without any."""
    if not taken_ns.size:
        return dict.fromkeys(PERCENTILES)
    values = np.percentile(taken_ns, list(PERCENTILES.values())) / 1e6
    return dict(zip(PERCENTILES, values.tolist(), strict=True))
