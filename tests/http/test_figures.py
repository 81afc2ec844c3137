"""What Prometheus reads: counts that add up, refusals by kind, ages, bundles."""

import time

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tapeline.http.figures import KINDS, MALFORMED, kind_of
from tapeline.http.promoted import KeptStream
from tapeline.schema import OHLCV
from tests.http.service import minutes, placed, service
from tests.serving.bundles import market

ONES = dict.fromkeys(OHLCV, 1.0)


def samples(text):
    """Values by name and labels."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_counts_add_up(bundles, tmp_path):
    """Of candles, answers, refusals and errors, after requests that are known."""
    candles = list(minutes(market(9), 9))
    with service(placed(bundles, tmp_path / "promoted")) as started:
        started.post({"candles": candles})
        started.post({"candles": [candles[0], {"symbol": "NONE"}, {"x": 1}, candles[-1] | {"open": "x"}]})
        started.post(b"[")
        started.get("/nowhere")
        now = time.time()
        status, headers, text = started.ask("GET", "/metrics")
        ids = {name: about["bundle_id"] for name, about in started.get("/health")[1]["bundles"].items()}
    found = samples(text)
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert found["tapeline_candles_received_total",] == 22
    assert found["tapeline_candles_answered_total", "warming_up"] == 18
    assert found["tapeline_candles_answered_total", "refused"] == 4
    refused = {key[1]: value for key, value in found.items() if key[0] == "tapeline_candles_refused_total"}
    assert refused == {"out_of_order": 1, "untrained": 1, MALFORMED: 2}
    errors = {key[1]: value for key, value in found.items() if key[0] == "tapeline_requests_refused_total"}
    assert errors == {"400": 1, "404": 1}
    assert found["tapeline_request_seconds_count",] == 2
    assert found["tapeline_request_seconds_bucket", "+Inf"] == 2
    closed = candles[-1]["timestamp"] / 1000 + 60
    ages = {key[1]: value for key, value in found.items() if key[0] == "tapeline_last_candle_age_seconds"}
    assert ages == {name: pytest.approx(now - closed, abs=5) for name in ("AAA-USD", "BBB-USD")}
    assert found["tapeline_healthy",] == 1
    assert found["tapeline_takeovers_total",] == 0
    assert {key[1:] for key in found if key[0] == "tapeline_bundle_info"} == {
        (name, bundle_id, "") for name, bundle_id in ids.items()
    }


def test_every_refusal_has_its_kind(bundles, monkeypatch):
    """Each that a stream gives, by its own words; what is no candle is malformed."""
    monkeypatch.setattr("tapeline.http.promoted.MOST_SYMBOLS", 1)
    start = 1_743_206_400

    def refusal(*candles, symbol="AAA-USD", before=()):
        stream = KeptStream(*bundles, allow_untrained=symbol == "CCC")
        for each in before:
            stream.feed(*each)
        *_, answer = [stream.feed(symbol, candle) for candle in candles]
        assert answer.status == "refused"
        return kind_of(answer.reason)

    def at(minute):
        return {"timestamp": start + 60 * minute, **ONES}

    ahead = [("AAA-USD", at(k)) for k in range(5000)]
    found = [
        refusal({"timestamp": int(time.time()) // 60 * 60, **ONES}),
        refusal(at(0), symbol="NONE"),
        refusal(at(0), at(0)),
        refusal(at(0.5)),
        refusal(*[at(5 * k) for k in range(9)][:5]),
        refusal(at(0), at(1), symbol="BBB-USD", before=[("BBB-USD", at(0)), *ahead]),
        kind_of("its features are out of any range: look at prices and volumes of the last candles"),
        refusal(at(0), symbol="CCC", before=[("AAA-USD", at(0))]),
    ]
    assert found == list(KINDS.values())
    assert {refusal(each) for each in ({}, at(0) | {"open": 0}, at(0) | {"low": 2}, {"timestamp": "x"})} == {
        MALFORMED
    }
