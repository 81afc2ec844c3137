"""What Prometheus is told: candles, answers, refusals by kind, latency, age of the last candle, bundles."""

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from tapeline.serving.answers import REFUSED, Answer

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
MALFORMED = "malformed"
# Which words of a refusal's reason make it of which kind; whatever is none of these is no candle.
KINDS = {
    "is still open": "open",
    "is no symbol that was trained on": "untrained",
    "is not after": "out_of_order",
    "is not on the grid": "off_grid",
    "these look like": "other_interval",
    "is too far ahead": "leader_ahead",
    "features are out of any range": "out_of_range",
    "symbols are kept": "too_many_symbols",
}


def kind_of(reason: str) -> str:
    """Kind of a refusal, of few, by its reason, of which there are any number."""
    return next((kind for words, kind in KINDS.items() if words in reason), MALFORMED)


class Figures:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self._received = Counter("tapeline_candles_received", "Candles that came in", registry=own)
        self._answered = Counter(
            "tapeline_candles_answered", "Candles by how they were answered", ["status"], registry=own
        )
        self._refused = Counter(
            "tapeline_candles_refused", "Candles refused, by kind", ["reason"], registry=own
        )
        self._errors = Counter(
            "tapeline_requests_refused", "Requests answered by an error, by status", ["status"], registry=own
        )
        self._latency = Histogram(
            "tapeline_request_seconds", "A request's candles, to their answers", buckets=SECONDS, registry=own
        )
        self._age = Gauge(
            "tapeline_last_candle_age_seconds", "Since the last candle's close", ["symbol"], registry=own
        )
        self._healthy = Gauge("tapeline_healthy", "1 while candles are answered, else 0", registry=own)
        self._takeovers = Counter("tapeline_takeovers", "Changes of production taken over", registry=own)
        self._bundles = Info("tapeline_bundle", "Bundles that answer", ["artifact"], registry=own)

    def note_answers(self, answers: list[Answer], seconds: float) -> None:
        """Count the answers to one request's candles, and the time that they took."""
        self._received.inc(len(answers))
        for answer in answers:
            self._answered.labels(answer.status).inc()
            if answer.status == REFUSED:
                self._refused.labels(kind_of(answer.reason)).inc()
        self._latency.observe(seconds)

    def note_error(self, status: int) -> None:
        """Count a request that was answered by an error of that HTTP status."""
        self._errors.labels(str(status)).inc()

    def note_bundles(self, bundles: Mapping[str, Mapping[str, Any]], is_takeover: bool) -> None:
        """Say which bundles answer, by artifact: `version` and `bundle_id` of each."""
        self._bundles.clear()
        for artifact, bundle in bundles.items():
            about = {name: str(bundle[name] or "") for name in ("version", "bundle_id")}
            self._bundles.labels(artifact).info(about)
        self._takeovers.inc(is_takeover)

    def text(self, ages: Mapping[str, float], is_healthy: bool) -> bytes:
        """All metrics as Prometheus reads them; `ages` of the last candles in seconds, by symbol."""
        self._healthy.set(is_healthy)
        self._age.clear()
        for symbol, age in ages.items():
            self._age.labels(symbol).set(age)
        return generate_latest(self._registry)
