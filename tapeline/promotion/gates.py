"""Gates: what a model must show before it may be promoted."""

from dataclasses import dataclass
from typing import Any

from pydantic import RootModel, model_validator

from tapeline.params import Section


class Gate(Section):
    """One limit on one metric: exactly one of `min` and `max`; a null metric fails unless `may_be_null`."""

    min: float | None = None
    max: float | None = None
    may_be_null: bool = False

    @model_validator(mode="after")
    def _one_limit(self) -> "Gate":
        if (self.min is None) == (self.max is None):
            raise ValueError("must have exactly one of min and max")
        return self


class GateParams(RootModel[dict[str, dict[str, Gate]]]):
    """Section `gates`: artifact -> `FILE.METRIC` of metrics/FILE.json -> limit."""

    @model_validator(mode="after")
    def _known_artifacts(self) -> "GateParams":
        if set(self.root) != set(ARTIFACTS):
            raise ValueError(f"must name exactly the artifacts {', '.join(ARTIFACTS)}")
        for artifact, gates in self.root.items():
            if not gates:
                raise ValueError(f"{artifact} must have at least one gate")
            for name in gates:
                if name.count(".") != 1:
                    raise ValueError(f"{name} must be FILE.METRIC, like lstm.accuracy_all")
        return self


ARTIFACTS = {"lstm-direction": "lstm", "transformer-trend": "transformer"}  # artifact: network


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one artifact."""

    artifact: str
    gate: str
    value: float | None
    limit: str
    passed: bool
    reason: str


def judge(params: GateParams, metrics: dict[str, dict[str, Any]]) -> list[Verdict]:
    """Hold `metrics` (file -> metric -> value) against every gate; a metric that is not there fails."""
    return [
        _judge_one(artifact, name, gate, metrics)
        for artifact, gates in params.root.items()
        for name, gate in gates.items()
    ]


def _judge_one(artifact: str, name: str, gate: Gate, metrics: dict[str, dict[str, Any]]) -> Verdict:
    file, metric = name.split(".")
    limit = f">= {gate.min:g}" if gate.min is not None else f"<= {gate.max:g}"
    if metric not in metrics.get(file, {}):
        return Verdict(artifact, name, None, limit, False, f"metrics/{file}.json has no {metric}")
    value = metrics[file][metric]
    if value is None:
        passed, what = gate.may_be_null, "not defined on these candles"
        return Verdict(artifact, name, None, limit, passed, what + (", which is allowed" if passed else ""))
    passed = value >= gate.min if gate.min is not None else value <= gate.max
    reason = f"{value:.6g} is {'' if passed else 'not '}{limit}"
    return Verdict(artifact, name, value, limit, bool(passed), reason)
