"""What the quality checks found: the records, the verdict, and a report without clock or run id."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tapeline.errors import QualityError

Table = Literal["candles", "features", "labels"]
Severity = Literal["critical", "warning"]
AuditName = Literal[
    "truncation",
    "poison",
    "warm_up",
    "streaming",
    "label_reach",
    "scaler",
    "files",
    "stored",
    "overlap",
    "random_walk",
    "known_at",  # where data.extra is set
]

# What a leak is, by the audit that reports it, with the expected and the observed value.
AUDIT_COMPLAINTS: dict[AuditName, str] = {
    "files": "is made of more than candles: a file is opened while features are built",
    "stored": "is not what the candles give: {expected} built from them, {observed} in the stored table",
    "truncation": "knows candles after its own: {expected} with later candles, {observed} without",
    "poison": "knows candles after its own: {expected} as they are, {observed} with garbage in later candles",
    "warm_up": "needs more than its declared lookback: {expected} of all history, {observed} of the lookback",
    "streaming": "is another from a bounded buffer: {expected} in the table, {observed} from the buffer",
    "label_reach": "does not depend on exactly its horizon's candles: {expected} expected, {observed} found",
    "scaler": "is scaled by rows outside training: {expected} as they are, {observed} with garbage in them",
    "overlap": "shares candles: more than {expected} minutes must lie between the parts, and {observed} do",
    "random_walk": "knows the future of a random walk: accuracy {expected} expected, {observed} found",
    "known_at": "knows rows of data.extra too early: {expected} with later rows, {observed} with others then",
}


@dataclass(frozen=True)
class Finding:
    """The outcome of one expectation on one symbol's table.

    `unexpected` counts the rows against it, None where the expectation is about the whole column;
    `examples` holds the first of them as `time: value`, or what was observed instead.
    """

    symbol: str
    table: Table
    column: str
    rule: str
    expectation: str
    severity: Severity
    success: bool
    unexpected: int | None
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Leak:
    """A value of `column` at the candle `timestamp` that is not what an audit expected.

    AUDIT_COMPLAINTS says what `expected` and `observed` are for each audit; infinite for a missing row.
    """

    symbol: str
    column: str
    timestamp: str
    expected: float
    observed: float

    @property
    def record(self) -> dict[str, Any]:
        """The leak in the reports' JSON, whose key `found` holds the observed value."""
        return {
            "symbol": self.symbol,
            "column": self.column,
            "timestamp": self.timestamp,
            "expected": self.expected,
            "found": self.observed,
        }


@dataclass(frozen=True)
class Audit:
    """What one leak audit compared: `cells` values, and the first `leaks` of each column and cut."""

    symbol: str
    name: AuditName
    cells: int
    leaks: tuple[Leak, ...]


@dataclass(frozen=True)
class RandomWalk:
    """How often a model was right on a random walk, and which column leaks the future.

    accuracy : share of `rows` test candles it called right, with its interval
    column, ahead, agreement : of a leak, the column that knows most; how many candles ahead lies the move
        that it agrees most with, and the rank correlation of the two; None where there is none to name
    """

    rows: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    column: str | None = None
    ahead: int | None = None
    agreement: float | None = None


def judge(findings: Iterable[Finding]) -> None:
    """Raise QualityError naming the first critical expectation that failed, or that nothing was judged."""
    findings = list(findings)
    if not findings:
        raise QualityError("no expectation was evaluated, so nothing is known about the data")
    failed = [finding for finding in findings if not finding.success and finding.severity == "critical"]
    if failed:
        first = failed[0]
        rows = "" if first.unexpected is None else f" on {first.unexpected} rows"
        raise QualityError(
            f"{first.symbol} {first.table}: {first.column} fails {first.expectation} ({first.rule}){rows}: "
            + "; ".join(first.examples)
            + _more(len(failed))
        )


def judge_leaks(audits: Iterable[Audit]) -> None:
    """Raise QualityError naming the first leaking column and candle, or that nothing was audited."""
    audits = list(audits)
    if not audits or any(audit.cells == 0 for audit in audits):
        raise QualityError("the leak audit compared no value, so nothing is known about leaks")
    leaks = [(audit, leak) for audit in audits for leak in audit.leaks]
    if leaks:
        audit, leak = leaks[0]
        complaint = AUDIT_COMPLAINTS[audit.name].format(
            expected=f"{leak.expected:.17g}", observed=f"{leak.observed:.17g}"
        )
        raise QualityError(f"{leak.symbol}: {leak.column} at {leak.timestamp} {complaint}{_more(len(leaks))}")


def report(findings: Iterable[Finding], audits: Iterable[Audit], random_walk: RandomWalk) -> dict[str, Any]:
    """Return counts by symbol, table and rule, each failure, and the leak audits: no clock, no run id."""
    findings, audits = list(findings), list(audits)
    tables: dict[str, dict[str, dict[str, int]]] = {}
    for finding in findings:
        counts = tables.setdefault(finding.symbol, {}).setdefault(
            finding.table, {"evaluated": 0, "failed": 0, "warnings": 0}
        )
        counts["evaluated"] += 1
        if not finding.success:
            counts["failed" if finding.severity == "critical" else "warnings"] += 1
    is_bad = any(not finding.success and finding.severity == "critical" for finding in findings)
    return {
        "passed": not is_bad and not any(audit.leaks for audit in audits),
        "tables": tables,
        "rules": _by_rule(findings),
        "failures": failure_records(findings),
        **audit_records(audits),
        "random_walk": asdict(random_walk),
    }


def failure_records(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the findings that failed, warnings among them, as plain values."""
    failed = (asdict(finding) for finding in findings if not finding.success)
    return [{key: value for key, value in record.items() if key != "success"} for record in failed]


def audit_records(audits: Iterable[Audit]) -> dict[str, list[dict[str, Any]]]:
    """Return what each audit compared and every leak it found, as plain values."""
    audits = list(audits)
    return {
        "audits": [
            {"symbol": audit.symbol, "name": audit.name, "cells": audit.cells, "leaks": len(audit.leaks)}
            for audit in audits
        ],
        "leaks": [{"audit": audit.name, **leak.record} for audit in audits for leak in audit.leaks],
    }


def report_lines(findings: list[Finding], audits: list[Audit], walk: RandomWalk) -> list[str]:
    """What was evaluated and what failed, in lines for the log."""
    failed = [finding for finding in findings if not finding.success]
    cells, leaks = sum(audit.cells for audit in audits), sum(len(audit.leaks) for audit in audits)
    return [
        f"{len(findings):,} expectations evaluated, {len(failed):,} failed",
        *(
            f"  {f.severity}: {f.symbol} {f.table}.{f.column}, {f.rule}, {'; '.join(f.examples)}"
            for f in failed
        ),
        f"{len(audits)} leak audits compared {cells:,} values, {f'{leaks:,}' if leaks else 'none'} leaked",
        _walk_line(walk),
    ]


def _walk_line(walk: RandomWalk) -> str:
    """How often a model was right on the random walk, and by what column if it knew the future."""
    interval = f"interval {walk.accuracy_low:.4f} to {walk.accuracy_high:.4f}"
    by = f", by {walk.column}" if walk.column else ""
    right = f"{walk.accuracy:.4f} of {walk.rows} test candles"
    return f"on a random walk a model was right on {right} ({interval}){by}"


def _by_rule(findings: list[Finding]) -> list[dict[str, Any]]:
    """Count expectations and the rows against them by symbol, table and rule."""
    by_rule: dict[tuple[str, str, str], dict[str, Any]] = {}
    for finding in findings:
        counts = by_rule.setdefault(
            (finding.symbol, finding.table, finding.rule),
            {"severity": finding.severity, "evaluated": 0, "failed": 0, "unexpected": 0},
        )
        counts["evaluated"] += 1
        counts["failed"] += not finding.success
        counts["unexpected"] += finding.unexpected or 0
    keys = ("symbol", "table", "rule")
    return [dict(zip(keys, key, strict=True)) | counts for key, counts in by_rule.items()]


def require_passed(path: Path | str) -> None:
    """Raise QualityError unless the report at `path` says that nothing critical failed."""
    if not json.loads(Path(path).read_text(encoding="utf-8"))["passed"]:
        raise QualityError(f"{path}: the data did not pass; mend it and run the expectations stage again")


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""
