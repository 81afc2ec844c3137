"""Latency of single calls."""

from tapeline.evaluation.latency import LatencyParams, time_calls


def test_latency_times_single_calls():
    """Every input is called in turn after the warm-up, and percentiles are in order."""
    seen = []
    timed = time_calls(seen.append, [1, 2, 3], LatencyParams(warm_up=2, repeats=4, p99_budget_ms=10))
    assert seen == [1, 2, 1, 2, 3, 1]
    assert 0 < timed["p50_ms"] <= timed["p95_ms"] <= timed["p99_ms"] < 1000
