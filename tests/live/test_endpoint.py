"""What Prometheus reads of a live session, and the dashboard that draws it."""

import json
import re
import socket
import urllib.request

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tapeline.closure import ROOT
from tapeline.errors import ArtifactError
from tapeline.live.drift import Moved
from tapeline.live.endpoint import Endpoint
from tapeline.live.figures import Line
from tapeline.live.state import State


def free_port():
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def state(**changes):
    """A state with something of everything."""
    times = pd.Timestamp("2026-02-01", tz="UTC"), pd.Timestamp("2026-02-02", tz="UTC")
    account = {"trades": 3, "net_pnl": 12.5, "equity": 100_012.5, "open": 1}
    values = {
        "state": "warning", "reasons": ("late",), "span": times,
        "lines": (Line("lstm-direction", "accuracy", 0.7, 0.66, 0.69, 500, 0.4, 400.0),),
        "counts": {"predicted": 10, "late": 2}, "latency_ms": (5.0, 7.0, 9.0), "account": account,
        "drift": {"rsi_14": Moved(0.3, 0.1)},
    }  # fmt: skip
    return State(**values | changes)


def scraped(port):
    """Values by name and labels."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_figure_of_a_state_is_served():
    """State, account, figures beside their promise, drift, latency; what is not known is not a number."""
    port = free_port()
    endpoint = Endpoint(port)
    endpoint.show(state())
    found = scraped(port)
    expected = {
        ("tapeline_live_state", "warning"): 1, ("tapeline_live_state", "ok"): 0,
        ("tapeline_live_answers", "predicted"): 10, ("tapeline_live_equity",): 100_012.5,
        ("tapeline_live_figure", "lstm-direction", "accuracy"): 0.69,
        ("tapeline_live_bound", "lstm-direction", "accuracy"): 0.66,
        ("tapeline_live_evidence_needed",): 400.0, ("tapeline_live_drift", "rsi_14"): 0.3,
        ("tapeline_live_latency_ms", "0.99"): 9.0, ("tapeline_live_newest_candle_seconds",): 1769990400.0,
    }  # fmt: skip
    assert {key: found[key] for key in expected} == expected
    endpoint.show(state(state="ok", account=None, latency_ms=None))
    assert scraped(port)["tapeline_live_state", "ok"] == 1


def test_a_port_that_is_taken_is_named():
    """One line, before anything is answered."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ArtifactError, match=f"PORT: can't serve figures at 127.0.0.1:{port}"):
            Endpoint(port)


def test_the_dashboard_asks_for_what_is_served():
    """Every name that a panel asks for is one of ours."""
    port = free_port()
    Endpoint(port).show(state())
    served = {name for name, *_ in scraped(port)}
    dashboard = json.loads((ROOT / "docs/grafana.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"tapeline_live_\w+", target["expr"])
    }
    assert len(asked) > 8
    assert asked <= served
