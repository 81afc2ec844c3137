"""Gates: what a model must show before it may be promoted. All are judged, not only the first to fail."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from pydantic import Field, RootModel, model_validator

from tapeline.errors import ParamsError
from tapeline.params import NEAREST, Section, nearest
from tapeline.schema import NO_PROGRAM, Refit, ReplayCandles

RELEASE = "release"  # instead of a file: judged by `make promote` alone
RELEASE_METRICS = ("deflated_sharpe",)
PASSED, FAILED = "passed", "failed"
# Neither blocks, and neither has passed: a gate on an undefined metric, or on too few days.
NOT_JUDGED, INSUFFICIENT = "not_judged", "insufficient_data"
# Beyond it no metric of this project lies: such a gate would let everything pass, or nothing.
Limit = Annotated[float, Field(ge=-1e9, le=1e9)]
Metrics = dict[str, dict[str, Any]]


class Gate(Section):
    """One limit on one metric: exactly one of `min` and `max`.

    A null metric fails, or is not judged if it `may_be_null`. Before `from_days` of `backtest.days` the
    verdict is reported and does not block.
    """

    min: Limit | None = None
    max: Limit | None = None
    may_be_null: bool = False
    from_days: Annotated[int, Field(ge=1, le=36_525)] | None = None

    @model_validator(mode="after")
    def _one_limit(self) -> "Gate":
        if (self.min is None) == (self.max is None):
            raise ValueError("must have exactly one of min and max")
        return self

    @property
    def limit(self) -> str:
        """The limit as text, as in `>= 0.5`."""
        return f">= {self.min:g}" if self.min is not None else f"<= {self.max:g}"

    def margin(self, value: float) -> float:
        """Distance of `value` to the limit; negative beyond it."""
        if self.min is not None:
            return value - self.min
        if self.max is not None:
            return self.max - value
        raise AssertionError("a gate has one limit")


class PromotionParams(Section):
    """Section `promotion`."""

    refit: Refit
    replay_candles: ReplayCandles


class GateParams(RootModel[dict[str, dict[str, Gate]]]):
    """Section `gates`: artifact -> `FILE.METRIC` of metrics/FILE.json, or `release.METRIC` -> limit."""

    @model_validator(mode="after")
    def _named_as_they_must_be(self) -> "GateParams":
        for artifact, gates in self.root.items():
            if not gates:
                raise ValueError(f"{artifact} must have at least one gate")
            for name in gates:
                file, _, metric = name.partition(".")
                if "." in metric or not metric or not file:
                    raise ValueError(f"{name} of {artifact} must be FILE.METRIC, as backtest.net_pnl")
        return self

    def unknown(
        self, artifacts: Collection[str], metrics: Mapping[str, Collection[str]]
    ) -> list[ParamsError]:
        """Mistakes: one if gates are not on exactly these artifacts, and one per gate on an unknown metric.

        metrics : keys by NAME of metrics/NAME.json
        """
        mistakes = []
        if set(self.root) != set(artifacts):
            rule = f"must name exactly the artifacts {', '.join(artifacts)}"
            mistakes.append(ParamsError("gates", ", ".join(self.root), rule))
        existing = {**metrics, RELEASE: RELEASE_METRICS}
        for artifact, gates in self.root.items():
            for name in gates:
                file, metric = name.split(".")
                if metric not in existing.get(file, ()):
                    rule = f"is no metric{_nearest_metric(file, metric, existing)}"
                    mistakes.append(ParamsError(f"gates.{artifact}", name, rule))
        return mistakes


def _nearest_metric(file: str, metric: str, existing: Mapping[str, Collection[str]]) -> str:
    """`; nearest is FILE.METRIC`: in the same file, else the same key of another; else the existing ones."""
    if hint := nearest(metric, existing.get(file, ())):
        return hint.replace(NEAREST, f"{NEAREST}{file}.")
    same = [f"{NEAREST}{other}.{metric}" for other, keys in existing.items() if metric in keys]
    if same or file not in existing:
        names = [f"{other}.{key}" for other, keys in existing.items() for key in keys]
        files = f"; files are {', '.join(existing)}"
        return same[0] if same else nearest(f"{file}.{metric}", names) or files
    return f"; there is {', '.join(RELEASE_METRICS)}" if file == RELEASE else " that a gate can judge"


@dataclass(frozen=True)
class Verdict:
    """Verdict of one gate on one artifact; `margin` is negative beyond the limit."""

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


def judge(params: GateParams, metrics: Metrics, program: str, of_release: bool = False) -> list[Verdict]:
    """Judge `metrics` (file -> metric -> value) by every gate; a missing metric fails.

    of_release : judge the gates that only a release can judge, instead of all others

    Gates on FTMO's objectives are not judged where `program`, of `ftmo`, is none.
    """
    days = metrics.get("backtest", {}).get("days") or 0
    return [
        _leave_out(artifact, name, gate)
        if program == NO_PROGRAM and name.startswith("ftmo.")
        else _judge_one(artifact, name, gate, metrics, days)
        for artifact, gates in params.root.items()
        for name, gate in gates.items()
        if name.startswith(f"{RELEASE}.") == of_release
    ]


def judge_value(artifact: str, name: str, gate: Gate, value: float) -> Verdict:
    """Judge one number by its gate."""
    margin = gate.margin(value)
    status = PASSED if margin >= 0 else FAILED
    reason = f"{value:.6g} is {'' if status == PASSED else 'not '}{gate.limit}"
    return Verdict(artifact, name, float(value), gate.limit, float(margin), status, reason)


def gate_counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Whether `verdicts` let their artifact pass, and how many failed and were not judged."""
    n_failed, n_passed = (sum(v.status == status for v in verdicts) for status in (FAILED, PASSED))
    return {
        "passed": int(not n_failed),
        "gates_failed": n_failed,
        "gates_not_judged": len(verdicts) - n_failed - n_passed,
    }


def summary(verdicts: Sequence[Verdict]) -> str:
    """One line on `verdicts`; it says that every gate passed only if every one was judged."""
    counts = {status: sum(v.status == status for v in verdicts) for status in (PASSED, FAILED)}
    if counts[PASSED] == len(verdicts):
        return f"every gate passed, {len(verdicts)} of them"
    parts = [f"{counts[PASSED]} of {len(verdicts)} gates passed"]
    for says, chosen in (
        ("failed", [v for v in verdicts if v.status == FAILED]),
        ("not judged", [v for v in verdicts if v.status not in (PASSED, FAILED)]),
    ):
        if chosen:
            parts.append(f"{len(chosen)} {says}: " + "; ".join(f"{v.gate} ({v.reason})" for v in chosen))
    return ", ".join(parts)


def _leave_out(artifact: str, name: str, gate: Gate) -> Verdict:
    reason = f"ftmo.program is {NO_PROGRAM}"
    return Verdict(artifact, name, None, gate.limit, None, NOT_JUDGED, reason)


def _judge_one(artifact: str, name: str, gate: Gate, metrics: Metrics, days: int) -> Verdict:
    file, metric = name.split(".")
    is_early = gate.from_days is not None and days < gate.from_days
    early = f"; {days} traded days do not block before {gate.from_days}"
    value = metrics.get(file, {}).get(metric)
    failed = Verdict(artifact, name, None, gate.limit, None, FAILED, f"metrics/{file}.json has no {metric}")
    if metric not in metrics.get(file, {}):
        return failed
    if value is None:
        status = NOT_JUDGED if gate.may_be_null else INSUFFICIENT if is_early else FAILED
        reason = "not defined on these candles" + (", which is allowed" if gate.may_be_null else "")
        return replace(failed, status=status, reason=reason + (early if status == INSUFFICIENT else ""))
    if not isinstance(value, int | float) or not math.isfinite(value):
        return replace(failed, reason=f"metrics/{file}.json has no number for {metric}")
    verdict = judge_value(artifact, name, gate, value)
    return replace(verdict, status=INSUFFICIENT, reason=verdict.reason + early) if is_early else verdict
