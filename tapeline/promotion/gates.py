"""Gates: what a model must show before it may be promoted. All are judged, not only the first to fail."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, RootModel, model_validator

from tapeline.params import Section
from tapeline.schema import NO_PROGRAM, Refit

ARTIFACTS = {"lstm-direction": "lstm", "transformer-trend": "transformer"}  # artifact: network
FILES = ("lstm", "transformer", "backtest", "ftmo", "promotion")  # metrics/NAME.json that gates may name
PASSED, FAILED = "passed", "failed"
# These do not block, and are no pass either.
INSUFFICIENT, NOT_COMPARABLE, NOT_JUDGED = "insufficient_data", "not_comparable", "not_judged"
Metrics = dict[str, dict[str, Any]]


class Gate(Section):
    """One limit on one metric: exactly one of `min` and `max`; a null metric fails unless `may_be_null`.

    Before `from_days` traded days, `backtest.days`, it is judged and does not block.
    """

    min: float | None = None
    max: float | None = None
    may_be_null: bool = False
    from_days: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> "Gate":
        if (self.min is None) == (self.max is None):
            raise ValueError("must have exactly one of min and max")
        return self

    @property
    def limit(self) -> str:
        """As it is printed."""
        return f">= {self.min:g}" if self.min is not None else f"<= {self.max:g}"

    def margin(self, value: float) -> float:
        """How far `value` is inside the limit; negative is beyond it."""
        return value - self.min if self.min is not None else self.max - value


class PromotionParams(Section):
    """Section `promotion`."""

    refit: Refit


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
                if name.count(".") != 1 or name.split(".")[0] not in FILES:
                    raise ValueError(f"{name} must be FILE.METRIC, FILE one of {', '.join(FILES)}")
        return self


@dataclass(frozen=True)
class Verdict:
    """What one gate says of one artifact; `margin` is negative beyond the limit."""

    artifact: str
    gate: str
    value: float | None
    limit: str
    margin: float | None
    status: str
    reason: str

    @property
    def blocks(self) -> bool:
        """Whether it keeps the artifact from being promoted."""
        return self.status == FAILED


def judge(params: GateParams, metrics: Metrics, program: str) -> list[Verdict]:
    """Hold `metrics` (file -> metric -> value) against every gate; a metric that is not there fails.

    Gates on FTMO's objectives are not judged where `program`, of `ftmo`, says that it does not watch.
    """
    days = metrics.get("backtest", {}).get("days") or 0
    return [
        _leave_out(artifact, name, gate)
        if program == NO_PROGRAM and name.startswith("ftmo.")
        else _judge_one(artifact, name, gate, metrics, days)
        for artifact, gates in params.root.items()
        for name, gate in gates.items()
    ]


def judge_value(artifact: str, name: str, gate: Gate, value: float) -> Verdict:
    """Hold one number against its gate."""
    margin = gate.margin(value)
    status = PASSED if margin >= 0 else FAILED
    reason = f"{value:.6g} is {'' if status == PASSED else 'not '}{gate.limit}"
    return Verdict(artifact, name, float(value), gate.limit, float(margin), status, reason)


def _leave_out(artifact: str, name: str, gate: Gate) -> Verdict:
    reason = f"not judged: ftmo.program is {NO_PROGRAM}"
    return Verdict(artifact, name, None, gate.limit, None, NOT_JUDGED, reason)


def _judge_one(artifact: str, name: str, gate: Gate, metrics: Metrics, days: int) -> Verdict:
    file, metric = name.split(".")
    is_early = gate.from_days is not None and days < gate.from_days
    early = f"; {days} traded days do not block before {gate.from_days}"
    if metric not in metrics.get(file, {}):
        reason = f"metrics/{file}.json has no {metric}"
        return Verdict(artifact, name, None, gate.limit, None, FAILED, reason)
    value = metrics[file][metric]
    if value is None:
        status = PASSED if gate.may_be_null else INSUFFICIENT if is_early else FAILED
        reason = "not defined on these candles" + (", which is allowed" if gate.may_be_null else "")
        reason += early if status == INSUFFICIENT else ""
        return Verdict(artifact, name, None, gate.limit, None, status, reason)
    if not isinstance(value, int | float):
        reason = f"metrics/{file}.json has no number for {metric}"
        return Verdict(artifact, name, None, gate.limit, None, FAILED, reason)
    found = judge_value(artifact, name, gate, value)
    if not is_early:
        return found
    return Verdict(artifact, name, found.value, gate.limit, found.margin, INSUFFICIENT, found.reason + early)
