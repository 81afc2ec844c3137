"""How long single calls take."""

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from tapeline.params import Section


class LatencyParams(Section):
    """Section `latency`."""

    warm_up: Annotated[int, Field(ge=0)]  # calls before timing begins
    repeats: Annotated[int, Field(ge=1)]  # calls timed
    p99_budget_ms: Annotated[float, Field(gt=0)]  # that the 99th percentile of one prediction may take


def time_calls(call: Callable[[Any], Any], inputs: Sequence[Any], params: LatencyParams) -> dict[str, float]:
    """Call `call` on one of `inputs` after another; percentiles of one call's time, in milliseconds."""
    for i in range(params.warm_up):
        call(inputs[i % len(inputs)])
    taken_ns = np.empty(params.repeats)
    for i in range(params.repeats):
        started = time.perf_counter_ns()
        call(inputs[i % len(inputs)])
        taken_ns[i] = time.perf_counter_ns() - started
    p50, p95, p99 = np.percentile(taken_ns, [50, 95, 99]) / 1e6
    return {"p50_ms": float(p50), "p95_ms": float(p95), "p99_ms": float(p99)}
