"""Percentiles of times."""

import numpy as np

from tapeline.evaluation.latency import percentiles


def test_percentiles_are_in_milliseconds_and_in_order():
    """A thousand times from 1 to 1000 ms; nothing gives nothing."""
    found = percentiles(np.arange(1, 1001) * 1e6)
    assert found["p50_ms"] == 500.5
    assert list(found.values()) == sorted(found.values())
    assert found["p999_ms"] > 999
    assert set(percentiles(np.empty(0)).values()) == {None}
