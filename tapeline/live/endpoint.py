"""Figures of a live session for Prometheus, served over HTTP; `docs/grafana.json` draws them."""

import time
from types import ModuleType

import numpy as np

from tapeline.errors import ArtifactError
from tapeline.live.figures import OK, STOP, WARNING
from tapeline.live.state import State

PREFIX = "tapeline_live_"


class Endpoint:
    """Serves figures at `host`:`port`; `show` takes those of a state. ArtifactError where it can't serve."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        client = _client()
        self._registry = client.CollectorRegistry()
        self._gauges = {
            name: client.Gauge(f"{PREFIX}{name}", help_, labels, registry=self._registry)
            for name, help_, labels in (
                ("state", "1 for the state that it is in", ["state"]),
                ("answers", "Candles by how they were answered", ["status"]),
                ("newest_candle_seconds", "Close of the newest candle, seconds since 1970", []),
                ("shown_seconds", "When these figures were taken, seconds since 1970", []),
                ("figure", "A figure over the window", ["artifact", "name"]),
                ("promised", "What the bundle's own test came to", ["artifact", "name"]),
                ("bound", "The bad end of its interval", ["artifact", "name"]),
                ("evidence", "Evidence that the bound is broken; at the one needed the model stops",
                 ["artifact", "name"]),
                ("evidence_needed", "Evidence that stops a model", []),
                ("equity", "Equity of the account on paper", []),
                ("net_pnl", "Net PnL of its trades that ended", []),
                ("trades", "Trades that ended", []),
                ("open_positions", "Positions that are open", []),
                ("drift", "Stability index of a feature", ["feature"]),
                ("latency_ms", "From a candle's close to its answer", ["quantile"]),
            )
        }  # fmt: skip
        try:
            client.start_http_server(port, addr=host, registry=self._registry)
        except OSError as error:
            raise ArtifactError(f"PORT: can't serve figures at {host}:{port}: {error.strerror}") from error

    def show(self, state: State) -> None:
        """Take the figures of a state."""
        gauges = self._gauges
        for name in (OK, WARNING, STOP):
            gauges["state"].labels(name).set(state.state == name)
        for status, n in state.counts.items():
            gauges["answers"].labels(status).set(n)
        gauges["shown_seconds"].set(time.time())
        if state.span:
            gauges["newest_candle_seconds"].set(state.span[1].timestamp())
        for line in state.lines:
            for name, value in (("figure", line.rolling), ("promised", line.promised), ("bound", line.bound)):
                gauges[name].labels(line.artifact, line.name).set(np.nan if value is None else value)
            gauges["evidence"].labels(line.artifact, line.name).set(line.evidence)
            gauges["evidence_needed"].set(line.needed)
        if state.account:
            for name, key in (
                ("equity", "equity"),
                ("net_pnl", "net_pnl"),
                ("trades", "trades"),
                ("open_positions", "open"),
            ):
                gauges[name].set(state.account[key])
        for feature, moved in state.drift.items():
            gauges["drift"].labels(feature).set(moved.by)
        for quantile, value in zip(("0.5", "0.95", "0.99"), state.latency_ms or (), strict=False):
            gauges["latency_ms"].labels(quantile).set(value)


def _client() -> ModuleType:
    try:
        import prometheus_client
    except ModuleNotFoundError as error:
        raise ArtifactError(
            "PORT: figures for Prometheus need prometheus-client: pip install 'tapeline[http]'"
        ) from error
    return prometheus_client
