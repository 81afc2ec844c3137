"""What the quality checks found: the records, the verdict, and a report without clock or run id."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tapeline.errors import QualityError

Table = Literal["candles", "features", "labels"]
Severity = Literal["critical", "warning"]
AuditName = Literal["truncation", "label_reach"]

AUDIT_COMPLAINTS: dict[AuditName, str] = {
    "truncation": "knows candles after its own",
    "label_reach": "does not depend on exactly the candles of its horizon",
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
    """A value at `timestamp` that changes with candles it must not know.

    `whole` is the value with the future there, `truncated` the one without; NaN for a row that is
    not there.
    """

    symbol: str
    column: str
    timestamp: str
    whole: float
    truncated: float


@dataclass(frozen=True)
class Audit:
    """What one leak audit compared: `cells` values (cuts by columns), of which `leaks` differ."""

    symbol: str
    name: AuditName
    cells: int
    leaks: tuple[Leak, ...]


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
        raise QualityError(
            f"{leak.symbol}: {leak.column} at {leak.timestamp} {AUDIT_COMPLAINTS[audit.name]}: "
            f"{leak.whole:.17g} with later candles, {leak.truncated:.17g} without{_more(len(leaks))}"
        )


def report(findings: Iterable[Finding], audits: Iterable[Audit]) -> dict[str, Any]:
    """Return counts by symbol and table, each failure, and the leak audits: no clock, no run id."""
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
        "failures": [_record(finding) for finding in findings if not finding.success],
        "audits": [
            {"symbol": audit.symbol, "name": audit.name, "cells": audit.cells, "leaks": len(audit.leaks)}
            for audit in audits
        ],
        "leaks": [{"audit": audit.name, **asdict(leak)} for audit in audits for leak in audit.leaks],
    }


def require_passed(path: Path | str) -> None:
    """Raise QualityError unless the report at `path` says that nothing critical failed."""
    if not json.loads(Path(path).read_text(encoding="utf-8"))["passed"]:
        raise QualityError(f"{path}: the data did not pass; mend it and run the expectations stage again")


def _record(finding: Finding) -> dict[str, Any]:
    record = asdict(finding)
    del record["success"]
    return record


def _more(count: int) -> str:
    return f" (and {count - 1} more)" if count > 1 else ""
